import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { SQL_SERVERS, useSqlInstance } from '../support/sql-instance.ts'

interface Vector {
  readonly name: string
  readonly delay: number | null
  readonly backoff: boolean | null
  readonly delayMax: number | null
  readonly attempt: number
  readonly random: number
  readonly delayMs: number
}
const { vectors }: { readonly vectors: readonly Vector[] } = JSON.parse(
  readFileSync(new URL('../../src/model/backoff.vectors.json', import.meta.url), 'utf8'),
)

describe.each(SQL_SERVERS)('the SQL contract on PostgreSQL %s', (version, url) => {
  describe.skipIf(url === '')('with a server', () => {
    const db = useSqlInstance(url, `sql_contract_${version}`)
    afterEach(() => db.check())

    const claim = async (more = ''): Promise<Record<string, unknown>> => {
      const [job] = await db.sql(`select * from :schema.get_jobs('w'${more})`)
      if (job === undefined) throw new Error('there is a job to claim')
      return job
    }
    const status = async (id: unknown): Promise<unknown> => db.value('select status from :schema.job_status($1)', [id])

    it.each(vectors)('backoff: $name', async ({ delay, backoff, delayMax, attempt, random, delayMs }) => {
      const text = 'select :schema.backoff_ms($1, $2, $3, $4, $5)'
      expect(await db.value(text, [attempt, delay, backoff, delayMax, random])).toBe(delayMs)
    })

    it('without history leaves nothing of a job, also not what an attempt elsewhere had stored', async () => {
      const id = await db.value("select :schema.add_job('email', '{}')")
      const job = await claim()
      const step =
        '{"key": "s:a", "status": "d", "attempt": 1, "tries": 1, "duration_ms": 1, "rich": false, "result": 1}'
      expect(await db.value('select :schema.store_step($1, $2, $3)', [id, job['token'], step])).toBe(true)
      await db.value(`select :schema.signal_job($1, 'x', '1', false)`, [id])
      expect(await db.value('select :schema.complete_job($1, $2, keep := false)', [id, job['token']])).toBe(true)
      expect(await db.value('select count(*)::int from :schema.job_steps')).toBe(0)
      expect(await db.value('select count(*)::int from :schema.job_signals')).toBe(0)
    })

    it('forgets of paused jobs those that have ended, though the pause goes on', async () => {
      await db.sql("select :schema.pause_jobs(job_type := 'email')")
      const [gone, kept] = [
        await db.value("select :schema.add_job('email', '1')"),
        await db.value("select :schema.add_job('email', '2')"),
      ]
      expect(await db.sql("select * from :schema.get_jobs('w')")).toEqual([])
      await db.sql('select :schema.cancel_job($1)', [gone])
      await db.sql('select :schema.forget_stale()')
      expect(await db.sql('select job_id from :schema.paused_jobs')).toEqual([{ job_id: kept }])
      expect(await db.value("select :schema.resume_jobs(job_type := 'email')")).toBe(true)
      expect(await claim()).toMatchObject({ job_id: kept })
    })

    it('adds, claims and completes a job with its output', async () => {
      const id = await db.value(`select :schema.add_job('email', '{"to": null}', tags := '{a,b}', max_attempts := 7)`)
      const job = await claim()
      expect(job).toMatchObject({
        job_id: id,
        job_type: 'email',
        payload: { to: null },
        attempt: 1,
        max_attempts: 7,
        tags: ['a', 'b'],
        rich: false,
      })
      expect(await status(id)).toBe('processing')
      const done = 'select :schema.complete_job($1, $2, $3)'
      expect(await db.value(done, [id, job['token'], '{"sent": true}'])).toBe(true)
      // The reply may have been lost.
      expect(await db.value(done, [id, job['token'], '{"sent": true}'])).toBe(true)
      const record = await db.queue().getJob(Number(id))
      expect(record).toMatchObject({ status: 'completed', output: { sent: true }, attempts: 1 })
      expect(await db.sql('select * from :schema.sql_leases')).toEqual([])
    })

    it('answers no row when there is nothing to do', async () => {
      expect(await db.sql(`select * from :schema.get_jobs('w')`)).toEqual([])
    })

    it('claims in batches, by type, highest priority first', async () => {
      await db.sql(
        `select :schema.add_job('a', priority := 1), :schema.add_job('b', priority := 5), :schema.add_job('a', priority := 2)`,
      )
      const rows = await db.sql(`select priority from :schema.get_jobs('w', '{a}', max_jobs := 5)`)
      expect(rows.map(({ priority }) => priority)).toEqual([2, 1])
    })

    it.each(['complete_job', 'fail_job', 'release_job'])('%s demands the token of the claim', async (name) => {
      const id = await db.value(`select :schema.add_job('a')`)
      const { token } = await claim()
      expect(await db.value(`select :schema.${name}($1, $2)`, [id, Number(token) + 1])).toBe(false)
      expect(await status(id)).toBe('processing')
      await expect(db.sql(`select :schema.${name}($1, null)`, [id])).rejects.toThrow('`token` must not be null')
      expect(await db.value(`select :schema.${name}($1, $2)`, [id, token])).toBe(true)
      expect(await status(id)).not.toBe('processing')
    })

    it('a failed attempt is tried again by the formula, by `retry_in`, and not at all when final or the last', async () => {
      await db.sql(`select :schema.add_job('a', max_attempts := 3)`)
      const again = async (): Promise<unknown> =>
        db.value('select round(extract(epoch from due_at - clock_timestamp())) from :schema.jobs')
      const first = await claim()
      await db.sql(`select :schema.fail_job($1, $2, 'boom')`, [first['job_id'], first['token']])
      expect(Number(await again())).toBe(120)
      await db.sql('select :schema.reschedule_job($1)', [first['job_id']])
      const second = await claim()
      expect(second['attempt']).toBe(2)
      await db.sql(`select :schema.fail_job($1, $2, retry_in := '0')`, [first['job_id'], second['token']])
      const third = await claim()
      await db.sql(`select :schema.fail_job($1, $2, 'last', details := '{"code": "E1"}')`, [
        first['job_id'],
        third['token'],
      ])
      const job = await db.queue().getJob(Number(first['job_id']))
      expect(job).toMatchObject({ status: 'failed', attempts: 3, nextAttemptAt: null, failureReason: 'handler_error' })
      expect(
        job?.errorHistory.map(({ message, code, attempt, workerId }) => [message, code, attempt, workerId]),
      ).toEqual([
        ['boom', undefined, 1, 'w'],
        ['The worker gave no message.', undefined, 2, 'w'],
        ['last', 'E1', 3, 'w'],
      ])
      await db.sql(`select :schema.add_job('a')`)
      const other = await claim()
      await db.sql('select :schema.fail_job($1, $2, final := true)', [other['job_id'], other['token']])
      expect(await status(other['job_id'])).toBe('failed')
    })

    it('a claim that is not held longer is taken back, and what its worker says then has no effect', async () => {
      const id = await db.value(`select :schema.add_job('a', max_attempts := 2)`)
      const first = await claim()
      await db.sql(`update :schema.sql_leases set lease_until = clock_timestamp() - interval '1 s'`)
      await db.sql(`update :schema.jobs set lease_until = (select lease_until from :schema.sql_leases)`)
      const second = await claim()
      expect([second['job_id'], second['attempt']]).toEqual([id, 2])
      expect(await db.value('select :schema.complete_job($1, $2)', [id, first['token']])).toBe(false)
      expect(await db.sql('select * from :schema.heartbeat_job($1, $2)', [id, first['token']])).toEqual([
        { is_held: false, is_cancelled: false },
      ])
      // The last attempt: it ends as a dead letter, never in limbo.
      await db.sql(`update :schema.sql_leases set lease_until = clock_timestamp() - interval '1 s'`)
      await db.sql(`update :schema.jobs set lease_until = (select lease_until from :schema.sql_leases)`)
      expect(await db.sql(`select * from :schema.get_jobs('w')`)).toEqual([])
      expect(await db.queue().getJob(Number(id))).toMatchObject({ status: 'failed', failureReason: 'worker_lost' })
    })

    it('a heartbeat holds the claim longer, sets the progress and tells of a cancellation', async () => {
      const id = await db.value(`select :schema.add_job('a')`)
      const { token } = await claim(`, lease := '1 s'`)
      const beat = `select * from :schema.heartbeat_job($1, $2, '1 hour', progress := 40)`
      expect(await db.sql(beat, [id, token])).toEqual([{ is_held: true, is_cancelled: false }])
      expect(await db.value(`select lease_until > clock_timestamp() + interval '59 min' from :schema.jobs`)).toBe(true)
      expect((await db.queue().getJob(Number(id)))?.progress).toBe(40)
      expect(await db.value('select :schema.cancel_job($1)', [id])).toBe('requested')
      expect(await db.sql(beat, [id, token])).toEqual([{ is_held: true, is_cancelled: true }])
      expect(await db.value('select :schema.fail_job($1, $2)', [id, token])).toBe(true)
      expect(await status(id)).toBe('cancelled')
      expect(await db.value('select :schema.cancel_job($1)', [id])).toBe('ended')
      expect(await db.value('select :schema.cancel_job(-1)')).toBe('not_found')
    })

    it('a released or snoozed job has not used up its attempt', async () => {
      const id = await db.value(`select :schema.add_job('a')`)
      const first = await claim()
      await db.sql('select :schema.release_job($1, $2)', [id, first['token']])
      const second = await claim()
      expect(second['attempt']).toBe(1)
      await db.sql(`select :schema.snooze_job($1, $2, '0 s')`, [id, second['token']])
      expect((await claim())['attempt']).toBe(1)
    })

    it('retries, reschedules and counts', async () => {
      const id = await db.value(`select :schema.add_job('a', run_at := now() + interval '1 day', queue := 'q')`)
      expect(await db.sql('select * from :schema.stats()')).toEqual([{ job_type: 'a', status: 'scheduled', jobs: '1' }])
      expect(await db.value('select :schema.reschedule_job($1, priority := 3)', [id])).toBe(true)
      expect(await db.sql(`select * from :schema.get_jobs('w')`)).toEqual([])
      expect(await db.value('select :schema.reschedule_job($1)', [id])).toBe(true)
      expect((await claim())['priority']).toBe(3)
      expect(await db.sql('select * from :schema.queue_stats()')).toEqual([
        { queue: 'q', tenant_id: null, jobs: '1', running_job_id: id, locked_by: 'w' },
      ])
      expect(await db.value('select :schema.reschedule_job($1)', [id])).toBe(false)
      expect(await db.value('select :schema.retry_job($1)', [id])).toBe(true)
      expect(await db.value('select :schema.retry_job(-1)')).toBe(false)
      expect((await claim())['attempt']).toBe(2)
    })

    it('adds under a key that is unique within its type, for a while, by parameters of their names', async () => {
      const add = (type: string, more = ''): Promise<unknown> =>
        db.value(`select :schema.add_unique_job(job_type := '${type}', key := 'k', key_scope := 'type'${more})`)
      const id = await add('email', `, payload := '{"n": 1}', key_window := '1 hour', tenant_id := 't', queue := 'q'`)
      expect(await db.queue().getJob(Number(id))).toMatchObject({ payload: { n: 1 }, idempotencyKey: 'k', queue: 'q' })
      const other = await add('sms', `, tenant_id := 't'`)
      expect(other).not.toBe(id)
      const job = await claim(`, '{email}'`)
      expect(await db.value('select :schema.complete_job($1, $2, keep := false)', [job['job_id'], job['token']])).toBe(
        true,
      )
      expect(await add('email', `, tenant_id := 't', key_mode := 'replace'`)).toBe(id)
      expect(await db.queue().getJob(Number(id))).toBeNull()
      // Its window over, a clean-up forgets it.
      await db.sql('update :schema.job_keys set taken_until = clock_timestamp() where taken_until is not null')
      await db.sql('select :schema.forget_stale()')
      expect(await db.sql('select job_id, scope from :schema.job_keys')).toEqual([{ job_id: other, scope: 't' }])
    })

    it.each([
      [`add_job('')`, '`job_type` must be a text that is not empty'],
      [`add_job(null)`, '`job_type` must be a text that is not empty'],
      [`add_job('a', max_attempts := 0)`, '`max_attempts` must be between 1 and 1000000, not 0'],
      [`add_job('a', timeout_ms := 0)`, '`timeout_ms` must be between'],
      [`add_job('a', retry_delay := -1)`, '`retry_delay` must be between'],
      [`add_job('a', key := 'k', key_mode := 'x')`, '`key_mode` must be reuse, replace'],
      [`add_job('a', key_mode := 'replace')`, 'beside a key'],
      [`add_unique_job('a', null)`, '`idempotency_key` must be a text that is not empty'],
      [`add_unique_job('a', 'k', key_scope := 'x')`, '`key_scope` must be tenant, type, queue'],
      [`add_unique_job('a', 'k', key_scope := 'queue')`, 'of a job with a queue'],
      [`add_unique_job('a', 'k', key_scope := 'all', key_mode := 'replace')`, 'a job of another tenant'],
      [`add_unique_job('a', 'k', key_window := '0')`, '`key_window_ms` must be between'],
      [`add_jobs('[{"job_type": "a", "key_window_ms": 5}]')`, 'beside a key'],
      [`add_jobs('[{"job_type": "a", "key_scope": "type"}]')`, 'beside a key'],
      [
        `add_jobs('[{"job_type": "a", "idempotency_key": "k", "key_window_ms": "5"}]')`,
        '`key_window_ms` must be between',
      ],
      [`add_job('a', queue := 'q', group_id := 'g')`, 'a queue or in a group'],
      [`add_job('a', queue := E'q\\x1f')`, 'without U+001E and U+001F'],
      [`add_job('a', queue_retries := 'pass')`, 'beside a queue'],
      [`add_jobs('{}')`, '`jobs` must be an array of objects'],
      [`add_jobs('[{"job_type": "a", "maxAttempts": 1}]')`, 'a field that is not known'],
      [`get_jobs('')`, '`worker_id` must be'],
      [`get_jobs('w', max_jobs := 0)`, '`max_jobs` must be between'],
      [`get_jobs('w', lease := '-1 s')`, '`lease` must be at least one second'],
      [`heartbeat_job(1, 1, progress := 101)`, '`progress` must be between'],
    ])('refuses %s', async (call, message) => {
      await expect(db.sql(`select :schema.${call}`)).rejects.toThrow(message)
    })

    const HOSTILE = `'); drop table jobs; --"\\' $$ %s :schema \u{1f600}`
    it('SQL text is data in every parameter', async () => {
      const text = `select :schema.add_job(job_type := $1, payload := to_jsonb($1::text), key := $1, queue := $1, tenant_id := $1,
        tags := array[$1], dead_letter_job_type := $1)`
      const id = await db.value(text, [HOSTILE])
      expect(await db.value(text, [HOSTILE])).toBe(id)
      const [job] = await db.sql('select * from :schema.get_jobs($1, array[$1])', [HOSTILE])
      expect(job).toMatchObject({
        job_id: id,
        job_type: HOSTILE,
        payload: HOSTILE,
        key: HOSTILE,
        queue: HOSTILE,
        tenant_id: HOSTILE,
      })
      await db.sql('select :schema.fail_job($1, $2, $3, final := true, details := to_jsonb($4::json))', [
        id,
        job?.['token'],
        HOSTILE,
        JSON.stringify({ code: HOSTILE }),
      ])
      expect(await db.value(`select last_error ->> 'message' from :schema.job_status($1)`, [id])).toBe(HOSTILE)
      expect(await db.value('select job_type from :schema.jobs')).toBe(HOSTILE)
    })
  })
})
