import { MillraceError } from 'millrace'
import type { Settlement, SettleResult, SettleStore } from 'millrace/store'
import { stepsNotYet } from './steps.ts'
import { scripts } from './generated/lua.ts'
import type { Argument, RedisInstance } from './instance.ts'
import { list, text } from './replies.ts'

export function settleVerbs(instance: RedisInstance): SettleStore {
  return {
    async settle({ settlements, keepCompleted }) {
      const lost = await instance.run(scripts.settle, [keepCompleted ? 1 : 0, ...settlementArguments(settlements)])
      return settleResults(settlements, lost)
    },
    async report({ reports }) {
      const args = reports.flatMap(({ id, token, progress, output, prolongedMs }) => [
        id,
        token,
        progress ?? '',
        output ?? '',
        prolongedMs ?? '',
      ])
      return settleResults(reports, await instance.run(scripts.report, args))
    },
  }
}

/** Results in the order asked, from the attempts that were lost. */
export function settleResults(
  asked: readonly { readonly id: number; readonly token: number }[],
  answer: unknown,
): readonly SettleResult[] {
  const flat = list(answer)
  const lost = new Set<string>()
  for (let at = 0; at < flat.length; at += 2) lost.add(`${text(flat[at])}:${text(flat[at + 1])}`)
  return asked.map(({ id, token }) => (lost.has(`${id}:${token}`) ? 'lost' : 'settled'))
}

/** Settlements as the scripts take them: plain completions, which are most, first. */
export function settlementArguments(settlements: readonly Settlement[]): Argument[] {
  const plain: Argument[] = []
  const others: Argument[] = []
  for (const settlement of settlements) {
    if (settlement.kind === 'completed' && settlement.children !== undefined) throw childrenNotYet()
    if (settlement.kind === 'completed' && settlement.output === undefined) plain.push(settlement.id, settlement.token)
    else others.push(...otherArguments(settlement))
  }
  return [plain.length / 2, ...plain, others.length / 9, ...others]
}

/** id, token, kind, delay, error, message, reason, output, unstarted. */
function otherArguments(settlement: Settlement): Argument[] {
  const { id, token, kind } = settlement
  switch (kind) {
    case 'completed':
      return [id, token, kind, '', '', '', '', settlement.output ?? '', '']
    case 'retry':
    case 'failed': {
      const { error, reason } = settlement
      const delay = kind === 'retry' ? settlement.delayMs : ''
      return [id, token, kind, delay, JSON.stringify(error), JSON.stringify(error.message), reason, '', '']
    }
    case 'snoozed':
      return [id, token, kind, settlement.delayMs, '', '', '', '', '']
    case 'released':
      return [id, token, kind, '', '', '', '', '', settlement.isUnstarted === true ? 1 : '']
    case 'waiting':
      throw stepsNotYet()
    case 'cancelled':
      return [id, token, kind, '', '', '', '', '', '']
  }
}

/** Said as of data that will never be taken: the attempt fails for good with this, and no other is held up. */
function childrenNotYet(): MillraceError {
  const remedy = "Pass `{ when: 'now' }` to `ctx.addJob`, or run such jobs on PostgreSQL"
  return new MillraceError(
    'STORE_FAILED',
    `Jobs that are added with a completion are not part of the Redis store yet. ${remedy}.`,
    { details: { field: 'children', remedy, outcome: 'none', isInput: true } },
  )
}
