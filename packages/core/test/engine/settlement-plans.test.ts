import type { Client } from 'pg'
import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL } from '../support/lab.ts'

const JOBS = 10_000
const BATCH = 10

/** As `exchange` sets them: the plan of the first call is that of all. */
const SETTINGS = ['enable_seqscan', 'enable_sort', 'enable_bitmapscan', 'enable_mergejoin', 'enable_hashjoin', 'jit']

describe.skipIf(SERVER_URL === undefined)('a connection that settled its first jobs when there were few', () => {
  const completed = 'settle_completed($1::bigint[], $2::bigint[], $3)'
  const withOutput = `settle_others((select jsonb_agg(jsonb_build_object('id', s.id, 'token', s.token, 'kind', 'completed', 'output', s.id))
    from unnest($1::bigint[], $2::bigint[]) s(id, token)), $3)`

  test.each([
    ['completions of several claims', completed, true],
    ['completions of several claims, without history', completed, false],
    ['completions with output', withOutput, true],
  ])('does not go through all live jobs for %s', async (_what, call, keep) => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    await lab.sql(`vacuum analyze ${lab.schema}.jobs`)
    const session = await lab.session()
    for (const name of SETTINGS) await session.query(`set ${name} = off`)
    await session.query('set plan_cache_mode = force_generic_plan')
    const settle = (ids: number[]): Promise<unknown> => session.query(`select ${lab.schema}.${call}`, [ids, ids, keep])
    await settle([1, 2])
    for (let added = 0; added < JOBS; added += 1000)
      await queue.addJobs(Array.from({ length: 1000 }, () => ({ jobType: 'work', payload: {} })))
    const rows = await lab.sql(
      `update ${lab.schema}.jobs set lane = 'x', token = id, attempts = 1, claimed_at = now(), started_at = now() returning id`,
    )
    const ids = rows.slice(0, BATCH).map(({ id }) => Number(id))
    await session.query('begin')
    await settle(ids)
    expect(await jobsRead(session, lab.schema)).toBeLessThan(4 * BATCH)
    await session.query('commit')
    const [left] = await lab.sql(`select count(*) as n from ${lab.schema}.jobs`)
    expect(Number(left?.['n'])).toBe(JOBS - BATCH)
    const { output = null } = (await queue.getJob(ids[3] ?? 0)) ?? {}
    expect(output).toBe(call === withOutput ? ids[3] : null)
  })
})

/** Rows of the table that indexes led this transaction to. */
async function jobsRead(session: Client, schema: string): Promise<number> {
  const { rows } = await session.query(
    `select idx_tup_fetch as n from pg_stat_xact_user_tables where relid = '${schema}.jobs'::regclass`,
  )
  return Number(rows[0]?.['n'])
}
