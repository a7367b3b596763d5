import { MillraceError } from 'millrace'
import type { StepRow, StepStore, StoredStep, StoredValue, WaitKind } from 'millrace/store'
import { noTransactions } from './enqueue.ts'
import { scripts } from './generated/lua.ts'
import type { RedisInstance } from './instance.ts'
import { integer, list, text } from './replies.ts'

export function stepVerbs(instance: RedisInstance): StepStore {
  return {
    async loadSteps({ id, token }) {
      const rows = await instance.run(scripts.load_steps, [id, token])
      return rows === 0 ? 'lost' : list(rows).map((row) => storedStep(list(row)))
    },
    async storeStep({ id, token, step, db }) {
      if (db !== undefined) throw noTransactions()
      const { key, attempt, tries, durationMs, outcome } = step
      const ended =
        outcome.kind === 'done'
          ? ['d', outcome.result.codec === 'rich' ? 1 : 0, outcome.result.text, '']
          : ['f', 0, '', outcome.error]
      const args = [id, token, key, attempt, tries, durationMs, ...ended]
      return (await instance.run(scripts.store_step, args)) === 1 ? 'settled' : 'lost'
    },
    async findStep({ id, token, key }) {
      const found = await instance.run(scripts.find_step, [id, token, key])
      return found === 'd' ? 'stored' : found === 'n' ? 'absent' : 'lost'
    },
    async openWait({ id, token, wait }) {
      const { key, kind, attempt, until, awaited, filter } = wait
      const delayMs = until !== null && 'delayMs' in until ? until.delayMs : ''
      const at = until !== null && 'at' in until ? until.at.getTime() : ''
      const args = [id, token, key, KIND_LETTERS[kind], attempt, delayMs, at, awaited ?? '', filter ?? '']
      const row = await instance.run(scripts.open_wait, args)
      if (row === 0) return 'lost'
      return row === -1 ? 'unknown_token' : storedStep(list(row))
    },
    completeIn: () => Promise.reject(noTransactions()),
    async findCompletion({ id, token }) {
      const found = await instance.run(scripts.find_completion, [id, token])
      return found === 'd' ? 'completed' : found === 'n' ? 'open' : 'lost'
    },
    async listSteps({ id }) {
      return list(await instance.run(scripts.list_steps, [id])).map((row) => stepRow(list(row)))
    },
  }
}

const KIND_LETTERS: Readonly<Record<WaitKind, string>> = { time: 't', token: 'w', signal: 'g', event: 'e' }

const KINDS: Readonly<Record<string, StoredStep['kind']>> = {
  s: 'step',
  k: 'made_token',
  t: 'time',
  w: 'token',
  g: 'signal',
  e: 'event',
}

const STATUSES: Readonly<Record<string, StoredStep['status']>> = { d: 'done', f: 'failed', p: 'pending' }

function known<T>(value: T | undefined, what: unknown): T {
  if (value === undefined) throw new MillraceError('STORE_FAILED', `Redis answered an unknown step: ${String(what)}.`)
  return value
}

/** JSON text and its codec; `null` for none. */
export function storedValue(stored: unknown, isRich: boolean): StoredValue | null {
  return stored === '' ? null : { text: text(stored), codec: isRich ? 'rich' : 'json' }
}

/** A row of `lua/lib/steps.lua`. */
function storedStep([key, kind, status, rich, timedOut, awaited, tries, result]: readonly unknown[]): StoredStep {
  return {
    key: text(key),
    kind: known(KINDS[text(kind)], kind),
    status: known(STATUSES[text(status)], status),
    isTimedOut: timedOut === 1,
    awaited: awaited === '' ? null : text(awaited),
    tries: integer(tries),
    result: storedValue(result, rich === 1),
  }
}

function stepRow(row: readonly unknown[]): StepRow {
  const [attempt, startedAt, endedAt, waitUntil, error] = row.slice(8)
  const dateOrNull = (value: unknown): Date | null => (value === '' ? null : new Date(integer(value)))
  return {
    ...storedStep(row),
    attempt: integer(attempt),
    startedAt: new Date(integer(startedAt)),
    endedAt: dateOrNull(endedAt),
    waitUntil: dateOrNull(waitUntil),
    error: error === '' ? null : JSON.parse(text(error)),
  }
}
