import { afterEach, describe, expect, it } from 'vitest'
import { poll } from '../support/poll.ts'
import { SQL_SERVERS, useSqlInstance } from '../support/sql-instance.ts'

describe.each(SQL_SERVERS)('schedules, signals and tokens in SQL on PostgreSQL %s', (version, url) => {
  describe.skipIf(url === '')('with a server', () => {
    const db = useSqlInstance(url, `sql_schedules_${version}`)
    afterEach(() => db.check())
    const jobs = (type: string): Promise<number> =>
      db
        .queue()
        .getJobs({ jobType: type })
        .then(({ length }) => length)

    it(
      'a supervisor fires what SQL added, by cron and by interval, and nothing that is paused',
      { timeout: 30_000 },
      async () => {
        const add = (more: string): Promise<unknown> => db.value(`select :schema.add_schedule(${more})`)
        await add(
          `name := 'second', job_type := 'by-cron', cron := '* * * * * *', payload := '{"n": null}', tags := '{x}', allow_overlap := true`,
        )
        await add(
          `'quick', 'by-interval', every := '200 ms', tenant_id := 't', queue := 'q', priority := 2, allow_overlap := true`,
        )
        await add(`'paused', 'never', every := '100 ms'`)
        await add(`'later', 'never', '* * * * * *', starts_at := now() + interval '1 hour'`)
        expect(await db.value(`select :schema.pause_schedule('paused')`)).toBe(true)
        expect(await db.sql('select * from :schema.check_invariants()')).toEqual([])
        const supervisor = db.queue().createSupervisor({ intervalMs: 100 })
        supervisor.startInBackground()
        await poll(async () => (await jobs('by-cron')) > 1 && (await jobs('by-interval')) > 1)
        await supervisor.stopAndDrain()
        expect(await jobs('never')).toBe(0)
        const [job] = await db.queue().getJobs({ jobType: 'by-cron' })
        expect(job).toMatchObject({ payload: { n: null }, tags: ['x'] })
        const [other] = await db.queue().getJobs({ jobType: 'by-interval' })
        expect(other).toMatchObject({ tenantId: 't', queue: 'q', priority: 2 })
        const schedules = await db.queue().listCronJobs()
        expect(
          schedules
            .map(({ scheduleName, status }) => [scheduleName, status])
            .toSorted(([a], [b]) => String(a).localeCompare(String(b))),
        ).toEqual([
          ['later', 'active'],
          ['paused', 'paused'],
          ['quick', 'active'],
          ['second', 'active'],
        ])
        expect(await db.sql('select * from :schema.check_invariants()')).toEqual([])
      },
    )

    it('a schedule is run, resumed and removed by its name and tenant', async () => {
      await db.sql(`select :schema.add_schedule('s', 'beat', '0 0 1 1 *', tenant_id := 't')`)
      for (const call of [`run_schedule('s')`, `run_schedule(name := 'other', tenant_id := 't')`]) {
        expect(await db.value(`select :schema.${call}`)).toBeNull()
      }
      const id = await db.value(`select :schema.run_schedule('s', 't')`)
      expect(await db.queue().getJob(Number(id))).toMatchObject({ jobType: 'beat', tenantId: 't', status: 'pending' })
      const each: readonly (readonly [string, boolean])[] = [
        [`resume_schedule('s', 't')`, false],
        [`pause_schedule('s')`, false],
        [`pause_schedule('s', 't')`, true],
        [`pause_schedule('s', tenant_id := 't')`, false],
        [`resume_schedule(name := 's', tenant_id := 't')`, true],
        [`remove_schedule('s')`, false],
        [`remove_schedule('s', 't')`, true],
        [`remove_schedule('s', 't')`, false],
      ]
      for (const [call, answer] of each)
        expect([call, await db.value(`select :schema.${call}`)]).toEqual([call, answer])
    })

    it.each([
      [`'', 'r', '* * * * *'`, '`name` must be'],
      [`'s', '', '* * * * *'`, '`job_type` must be'],
      [`'s', 'r'`, 'either `cron` or `every`'],
      [`'s', 'r', '* * * * *', every := '1 h'`, 'either `cron` or `every`'],
      [`'s', 'r', '61 * * * *'`, '61 is no field of a cron expression'],
      [`'s', 'r', '* * * *'`, 'is no cron expression'],
      [`'s', 'r', '@sometimes'`, 'is no cron expression'],
      [`'s', 'r', every := '1 ms'`, '`every` must be between'],
      [`'s', 'r', '* * * * *', timezone := 'Mars/Olympus'`, '`timezone` must be an IANA name'],
      [`'s', 'r', '* * * * *', ends_at := '2001-01-01'`, '`ends_at` must be later'],
      [`'s', 'r', '* * * * *', catch_up := 'all'`, '`catch_up` must be'],
      [`'s', 'r', '* * * * *', max_attempts := 0`, '`max_attempts` must be'],
    ])('refuses add_schedule(%s)', async (parameters, message) => {
      await expect(db.sql(`select :schema.add_schedule(${parameters})`)).rejects.toThrow(message)
    })

    it('refuses a second schedule of one name', async () => {
      const add = `select :schema.add_schedule('s', 'r', '* * * * *')`
      await db.sql(add)
      await expect(db.sql(add)).rejects.toMatchObject({ code: '23505' })
    })

    it('gives handlers the signals, events and tokens that they wait for', { timeout: 30_000 }, async () => {
      const token = await db.value(`select :schema.create_token(timeout := '1 hour', tags := '{a}')`)
      const got: unknown[] = []
      const processor = db.queue().createProcessor(
        {
          signal: async (_payload, _signal, ctx) => void got.push(await ctx.waitForSignal('go')),
          event: async (_payload, _signal, ctx) =>
            void got.push(await ctx.waitForEvent('paid', { filter: { order: 7 } })),
          token: async (_payload, _signal, ctx) => void got.push(await ctx.waitForToken(String(token))),
        },
        { pollInterval: 50 },
      )
      processor.startInBackground()
      const ids = await db.queue().addJobs(['signal', 'event', 'token'].map((jobType) => ({ jobType, payload: null })))
      await poll(async () => {
        const waiting = await Promise.all(ids.map((id) => db.queue().getJob(id)))
        return waiting.every((job) => job?.status === 'waiting')
      })
      expect(
        await db.value(`select :schema.signal_job(job_id := $1, name := 'go', data := '{"by": 1}')`, [ids[0]]),
      ).toBe('changed')
      expect(await db.value(`select :schema.send_event('paid', '{"order": 8}')`)).toBe('0')
      expect(await db.value(`select :schema.send_event(name := 'paid', data := '{"order": 7}')`)).toBe('1')
      expect(await db.sql('select * from :schema.token_status($1)', [token])).toEqual([
        { status: 'waiting', output: null },
      ])
      expect(await db.value('select :schema.complete_token($1, $2)', [token, '{"ok": true}'])).toBe('changed')
      expect(await db.value('select :schema.complete_token(token_id := $1)', [token])).toBe('unchanged')
      expect(await db.value(`select :schema.complete_token('none')`)).toBe('not_found')
      await poll(() => got.length === 3)
      await processor.stopAndDrain()
      expect(got).toHaveLength(3)
      for (const output of [{ by: 1 }, { order: 7 }, { ok: true }]) expect(got).toContainEqual({ ok: true, output })
      expect(await db.sql('select * from :schema.token_status($1)', [token])).toEqual([
        { status: 'completed', output: { ok: true } },
      ])
      expect(await db.value(`select :schema.signal_job($1, 'late')`, [ids[0]])).toBe('unchanged')
      await expect(db.sql(`select :schema.signal_job(1, '')`)).rejects.toThrow('`name` must be')
      await expect(db.sql(`select :schema.create_token('-1 s')`)).rejects.toThrow('`timeout` must be')
    })
  })
})
