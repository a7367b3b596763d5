import type { ChangeResult, ChangeStore, JobChanges } from '../store/change.ts'
import type { JobFilter } from '../store/inspect.ts'
import { filterCondition, Parameters, type JobTable } from './filter.ts'
import { integer, integers, json, timestamp } from './rows.ts'
import type { Database } from './schema.ts'

export function changeVerbs(db: Database): ChangeStore {
  return {
    async edit({ id, changes }) {
      const edit = changesJson(changes)
      const changed = await db.value('select :schema.edit_jobs(array[$1::bigint], $2::jsonb, false, $3::jsonb)', [
        id,
        edit.json,
        edit.note,
      ])
      return integers(changed).length > 0 ? 'changed' : existing(db, id)
    },
    async editMany({ filter, changes }) {
      const edit = changesJson(changes)
      const parameters = new Parameters()
      const ids = selectIds('jobs', filter, parameters, " and j.lane <> 'x' and j.next_attempt_at is null")
      if (ids === null) return 0
      const sql = `select cardinality(:schema.edit_jobs(array(${ids}), ${parameters.add(edit.json, 'jsonb')}, true, ${parameters.add(edit.note, 'jsonb')}))`
      return integer(await db.value(sql, parameters.values))
    },
    async cancel({ id, onCascade }) {
      const answer = cancelAnswer(await db.value('select :schema.cancel_jobs(array[$1::bigint], false)::text', [id]))
      if (answer.cascaded.length > 0) onCascade?.(answer.cascaded)
      if (answer.changed.length > 0) return 'changed'
      return answer.requested.length > 0 ? 'requested' : existing(db, id)
    },
    async cancelMany({ filter, onCascade }) {
      const parameters = new Parameters()
      const ids = selectIds('jobs', filter, parameters, " and j.lane <> 'x' and j.next_attempt_at is null")
      if (ids === null) return []
      const sql = `select :schema.cancel_jobs(array(${ids}), true)::text`
      const { changed, cascaded } = cancelAnswer(await db.value(sql, parameters.values))
      if (cascaded.length > 0) onCascade?.(cascaded)
      return changed
    },
    async retry({ id }) {
      const changed = await db.value('select :schema.retry_jobs(array[$1::bigint])', [id])
      return integers(changed).length > 0 ? 'changed' : existing(db, id)
    },
    async redrive({ filter, limit }) {
      const parameters = new Parameters()
      const ids = selectIds('failed_jobs', { ...filter, status: filter.status ?? 'failed' }, parameters, '')
      if (ids === null) return []
      const sql = `select :schema.retry_jobs(array(${ids} order by j.id limit ${parameters.add(limit, 'bigint')}), true, false)`
      return integers(await db.value(sql, parameters.values))
    },
  }
}

function selectIds(table: JobTable, filter: JobFilter, parameters: Parameters, also: string): string | null {
  const condition = filterCondition(table, filter, parameters)
  return condition === null ? null : `select j.id from :schema.${table} j where ${condition}${also}`
}

/** For a job that a change did not touch: is there one at all? */
async function existing(db: Database, id: number): Promise<ChangeResult> {
  const found = await db.value(
    'select exists (select from :schema.jobs where id = $1::bigint) or exists (select from :schema.failed_jobs where id = $1::bigint) ' +
      'or exists (select from :schema.finished_jobs where id = $1::bigint)',
    [id],
  )
  return found === true ? 'unchanged' : 'not_found'
}

function cancelAnswer(value: unknown): Readonly<Record<'changed' | 'requested' | 'cascaded', readonly number[]>> {
  const answer = json(value)
  const part = (name: 'changed' | 'requested' | 'cascaded'): number[] => {
    const ids: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, name) : []
    return Array.isArray(ids) ? ids.map(integer) : []
  }
  return { changed: part('changed'), requested: part('requested'), cascaded: part('cascaded') }
}

/** The history of a job is kept with it and read with it, so it holds no large payloads; in UTF-16 units. */
const MAX_NOTED_PAYLOAD = 2000

/** The changes for `edit_jobs`, and what the history will say of them: the new values, of a large payload only that it changed. */
function changesJson(changes: JobChanges): { readonly json: string; readonly note: string } {
  const fields: [string, string][] = []
  const set = (name: string, value: unknown): void => {
    if (value !== undefined) fields.push([name, JSON.stringify(value)])
  }
  set('max_attempts', changes.maxAttempts)
  set('priority', changes.priority)
  set('run_at', changes.runAt === undefined || changes.runAt === null ? changes.runAt : timestamp(changes.runAt))
  set('timeout_ms', changes.timeoutMs)
  set('tags', changes.tags)
  set('retry_delay', changes.retryDelay)
  set('retry_backoff', changes.retryBackoff)
  set('retry_delay_max', changes.retryDelayMax)
  set('dead_letter_job_type', changes.deadLetterJobType)
  const note = new Map(fields.map(([name, value]) => [publicName(name), value]))
  if (changes.payload !== undefined) {
    fields.push(['payload', changes.payload], ['rich', String(changes.codec === 'rich')])
    note.set(
      'payload',
      changes.payload.length <= MAX_NOTED_PAYLOAD && changes.codec !== 'rich' ? changes.payload : '"changed"',
    )
  }
  const object = (entries: Iterable<[string, string]>): string =>
    `{${[...entries].map(([name, value]) => `"${name}":${value}`).join(',')}}`
  return { json: object(fields), note: object(note) }
}

function publicName(column: string): string {
  return column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
