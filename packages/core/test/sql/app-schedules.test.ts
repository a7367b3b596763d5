import { afterEach, describe, expect, it } from 'vitest'
import { poll } from '../support/poll.ts'
import { SQL_SERVERS, useSqlInstance } from '../support/sql-instance.ts'

const A = '5b720132-17d5-424d-9bcb-ee7b17c13d43'
const B = '00000000-0000-4000-8000-00000000000b'

describe.each(SQL_SERVERS)('app_jobs.scheduled_jobs on PostgreSQL %s', (version, url) => {
  describe.skipIf(url === '')('with a server', () => {
    const db = useSqlInstance(url, `sql_app_schedules_${version}`, {
      config: { with: ['app_jobs'] },
      also: ['app_jobs'],
    })
    afterEach(() => db.check())
    const add = (info: string, rest = '', tenant = A): Promise<Record<string, unknown>[]> =>
      db.sql(`select * from app_jobs.add_scheduled_job('${tenant}', 'beat', '{"n": 1}', ${info}${rest})`)
    const expression = async (): Promise<unknown> =>
      db.value(`select rule ->> 'expression' from :schema.schedules order by id desc limit 1`)

    it('runs the statements of the README as they are', async () => {
      await db.sql(`INSERT INTO app_jobs.scheduled_jobs (
  database_id,
  task_identifier,
  payload,
  schedule_info
) VALUES (
  '5b720132-17d5-424d-9bcb-ee7b17c13d43'::uuid,
  'cleanup_old_data',
  '{"days": 30}'::json,
  '{
    "hour": [2],
    "minute": [0],
    "dayOfWeek": [0, 1, 2, 3, 4, 5, 6]
  }'::json
);`)
      expect(await expression()).toBe('0 0 2 * * 0,1,2,3,4,5,6 *')
      await db.sql(`SELECT app_jobs.add_scheduled_job(
  db_id := '5b720132-17d5-424d-9bcb-ee7b17c13d43'::uuid,
  identifier := 'heartbeat',
  payload := '{}'::json,
  schedule_info := json_build_object(
    'start', now() + interval '10 seconds',
    'end', now() + interval '3 minutes',
    'rule', '*/1 * * * *'
  )
);`)
      const id = await db.value('select id from app_jobs.scheduled_jobs order by id limit 1')
      const [job] = await db.sql(`SELECT * FROM app_jobs.run_scheduled_job(scheduled_job_id := ${String(id)})`)
      expect(job).toMatchObject({
        task_identifier: 'cleanup_old_data',
        payload: { days: 30 },
        database_id: A,
        max_attempts: 25,
      })
      await expect(db.sql(`SELECT * FROM app_jobs.run_scheduled_job(id := ${String(id)})`)).rejects.toThrow(
        'ALREADY_SCHEDULED',
      )
    })

    it.each([
      [`'"*/5 * * * *"'`, '0 */5 * * * *'],
      [`'"30 0 9 * * MON-FRI"'`, '30 0 9 * * MON-FRI'],
      [`'{"rule": {"minute": 5, "month": [0, 11]}}'`, '0 5 * * 1,12 * *'],
      [`'{"date": 13, "dayOfWeek": 5}'`, '0 * * 13 * +5 *'],
    ])('reads %s', async (info, cron) => {
      const [row] = await add(info)
      expect(row).toMatchObject({ task_identifier: 'beat', payload: { n: 1 } })
      expect(await expression()).toBe(cron)
    })

    it.each([
      `'{}'`,
      `'{"rule": "nonsense"}'`,
      `'"61 * * * *"'`,
      `'{"hour": 24}'`,
      `'{"hours": 2}'`,
      `'"2001-01-01T00:00:00Z"'`,
      `'5'`,
      `'{"rule": "* * * * *", "end": "2001-01-01"}'`,
      `'{"rule": "* * * * *", "tz": "Nowhere"}'`,
      `'{"hour": "2; drop"}'`,
      'null',
    ])('refuses %s, which would never or always fire', (info) =>
      expect(add(info)).rejects.toMatchObject({ code: '22023' }),
    )

    it('a key belongs to one tenant, and changes the schedule that has it, taken or not', async () => {
      const [first] = await add(`'"* * * * *"'`, `, job_key := 'k'`)
      await db.sql(`select app_jobs.get_scheduled_job('scheduler-0')`)
      const [again] = await add(`'"*/2 * * * *"'`, `, job_key := 'k'`)
      expect(again).toMatchObject({ id: first?.['id'], key: 'k', schedule_info: '*/2 * * * *' })
      await add(`'"* * * * *"'`, `, job_key := 'k'`, B)
      expect(await db.value('select count(*) from app_jobs.scheduled_jobs')).toBe('2')
    })

    it('is taken by one scheduler, until it is released or dead for long', async () => {
      await add(`'"* * * * *"'`)
      expect(await db.value(`select locked_by from app_jobs.get_scheduled_job('s1')`)).toBe('s1')
      expect(await db.value(`select id from app_jobs.get_scheduled_job('s2')`)).toBeNull()
      await db.sql(`update :schema.app_schedule_locks set locked_at = now() - interval '5 hours'`)
      expect(await db.value(`select locked_by from app_jobs.get_scheduled_job('s2')`)).toBe('s2')
      await db.sql(`select app_jobs.release_scheduled_jobs('s2')`)
      expect(await db.value(`select locked_by from app_jobs.scheduled_jobs`)).toBeNull()
    })

    it('a run that failed for good does not stop the schedule', async () => {
      const [row] = await add(`'"0 0 1 1 *"'`, `, job_key := 'k', max_attempts := 1`)
      const run = (): Promise<Record<string, unknown>[]> =>
        db.sql('select * from app_jobs.run_scheduled_job($1::bigint)', [row?.['id']])
      const [job] = await run()
      await db.sql(`select app_jobs.get_job('w'); select app_jobs.fail_job('w', ${String(job?.['id'])})`)
      expect((await run())[0]?.['id']).not.toBeNull()
    })

    it('our scheduler fires them, not before their first time', { timeout: 30_000 }, async () => {
      await add(`'"* * * * * *"'`)
      await add(`'{"rule": "* * * * * *", "start": "2100-01-01"}'`)
      const seen: unknown[] = []
      const processor = db
        .queue()
        .createProcessor(
          { beat: (payload, _, ctx) => void seen.push([payload, ctx.tenantId]) },
          { heartbeat: 'main', pollInterval: 100 },
        )
      processor.startInBackground()
      await poll(() => seen.length >= 2)
      await processor.stopAndDrain()
      expect(seen[0]).toEqual([{ n: 1 }, A])
      const ticks = await db.sql(
        'select count(distinct schedule_id)::int n from :schema.schedule_ticks where job_id is not null',
      )
      expect(ticks).toEqual([{ n: 1 }])
    })

    it('is written like a table', async () => {
      const [row] = await add(`'"0 0 1 1 *"'`)
      const [changed] = await db.sql(
        `update app_jobs.scheduled_jobs set schedule_info = '"5 * * * *"', priority = 3 where id = $1 returning *`,
        [row?.['id']],
      )
      expect(changed).toMatchObject({
        id: row?.['id'],
        schedule_info: '5 * * * *',
        priority: 3,
        task_identifier: 'beat',
      })
      await db.sql('delete from app_jobs.scheduled_jobs')
      expect(await db.sql('select * from :schema.schedules')).toEqual([])
    })
  })
})
