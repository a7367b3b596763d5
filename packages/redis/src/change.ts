import type { ChangeResult, ChangeStore, JobChanges, JobFilter } from 'millrace/store'
import { filterJson, indexesOf, type JobIndex } from './filter.ts'
import { scripts } from './generated/lua.ts'
import type { Argument, RedisInstance } from './instance.ts'
import { integer, list, text } from './replies.ts'

/** How many jobs one call of a bulk change looks at. */
const STRETCH = 500

export function changeVerbs(instance: RedisInstance): ChangeStore {
  return {
    async edit({ id, changes }) {
      const answer = await instance.run(scripts.edit, [id, note(changes), ...changeArguments(changes)])
      return changeResult(answer)
    },
    async editMany({ filter, changes }) {
      let changed = 0
      const more = [note(changes), ...changeArguments(changes)]
      await stretches(filter, ['live'], async (_index, cursor) => {
        const [next, count] = list(
          await instance.run(scripts.edit_many, [filterJson(filter), cursor, STRETCH, ...more]),
        )
        changed += integer(count)
        return text(next)
      })
      return changed
    },
    async cancel({ id }) {
      const answer = text(await instance.run(scripts.cancel, [id]))
      return CANCELLED[answer] ?? 'unchanged'
    },
    async cancelMany({ filter }) {
      const ids: number[] = []
      await stretches(filter, ['live'], async (_index, cursor) => {
        const [next, cancelled] = list(await instance.run(scripts.cancel_many, [filterJson(filter), cursor, STRETCH]))
        ids.push(...list(cancelled).map(integer))
        return text(next)
      })
      return ids
    },
    async retry({ id }) {
      return changeResult(await instance.run(scripts.retry, [id]))
    },
    async redrive({ filter, limit }) {
      const ids: number[] = []
      const wanted = { ...filter, status: filter.status ?? ('failed' as const) }
      await stretches(wanted, ['dead:f', 'dead:c'], async (index, cursor) => {
        if (ids.length >= limit) return ''
        const args = [filterJson(wanted), index, cursor, STRETCH, limit - ids.length]
        const [next, moved] = list(await instance.run(scripts.redrive, args))
        ids.push(...list(moved).map(integer))
        return text(next)
      })
      return ids
    },
  }
}

const CANCELLED: Readonly<Record<string, ChangeResult>> = {
  changed: 'changed',
  requested: 'requested',
  not_found: 'not_found',
}

function changeResult(answer: unknown): ChangeResult {
  if (answer === -1) return 'not_found'
  return answer === 1 ? 'changed' : 'unchanged'
}

/** Calls `work` for stretches of each index that can hold a match, until it answers no cursor to go on from. */
async function stretches(
  filter: JobFilter,
  among: readonly JobIndex[],
  work: (index: JobIndex, cursor: string) => Promise<string>,
): Promise<void> {
  for (const index of indexesOf(filter).filter((one) => among.includes(one))) {
    for (let cursor = '0'; cursor !== ''; cursor = await work(index, cursor));
  }
}

/** The history of a job is read with it, so it holds no large payloads; in UTF-16 units. */
const MAX_NOTED_PAYLOAD = 2000

/** What the history will say of an edit: the new values, of a large payload only that it changed. */
function note({ payload, codec, runAt, ...others }: JobChanges): string {
  const values = { ...others, ...(runAt === undefined ? {} : { runAt }) }
  const noted = JSON.stringify(values)
  if (payload === undefined) return noted
  const isShown = payload.length <= MAX_NOTED_PAYLOAD && codec !== 'rich'
  return `${noted === '{}' ? '{' : `${noted.slice(0, -1)},`}"payload":${isShown ? payload : '"changed"'}}`
}

/** Name, 1 and value, or name, 0 and nothing to clear, of each stored field. */
function changeArguments(changes: JobChanges): Argument[] {
  const args: Argument[] = []
  const set = (name: string, value: Argument | null | undefined): void => {
    if (value !== undefined) args.push(name, value === null ? 0 : 1, value ?? '')
  }
  const { payload, codec, runAt, tags, retryBackoff } = changes
  if (payload !== undefined) {
    set('p', payload)
    set('rich', codec === 'rich' ? 1 : null)
  }
  set('m', changes.maxAttempts)
  set('y', changes.priority)
  set('run', runAt instanceof Date ? runAt.getTime() : runAt)
  set('to', changes.timeoutMs)
  set('tg', tags === undefined || tags === null ? tags : JSON.stringify(tags))
  set('rd', changes.retryDelay)
  set('rb', retryBackoff === undefined || retryBackoff === null ? retryBackoff : Number(retryBackoff))
  set('rm', changes.retryDelayMax)
  set('dl', changes.deadLetterJobType)
  return args
}
