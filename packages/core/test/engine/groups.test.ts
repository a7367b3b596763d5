import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

/** The full figure is 10,000; it takes a minute. */
const JOBS = Number(process.env['MILLRACE_TEST_GROUP_JOBS'] ?? 2000)

describe.skipIf(SERVER_URL === undefined)('groups', () => {
  test(
    'two processors with a group limit of one never run two jobs of a group at once',
    { timeout: 120_000 },
    async () => {
      const lab = await openLab()
      const queues = [lab.queue(), lab.queue()] as const
      const running = new Map<string | null, number>()
      const breaches: string[] = []
      let started = 0
      const processors = queues.map((queue) =>
        queue.createProcessor(
          {
            work: async (_payload, _signal, ctx) => {
              started += 1
              const now = (running.get(ctx.groupId) ?? 0) + 1
              running.set(ctx.groupId, now)
              if (now > 1) breaches.push(`${now} of ${ctx.groupId} at once`)
              if (started % 3 === 0) await Promise.resolve()
              running.set(ctx.groupId, now - 1)
              if (started % 50 === 0) throw new Error('sometimes')
            },
          },
          { groupConcurrency: 1, concurrency: 8, pollInterval: 200, onError: () => undefined },
        ),
      )
      for (const processor of processors) processor.startInBackground()
      const jobs = Array.from({ length: JOBS / 2 }, (_, n) => ({
        jobType: 'work',
        payload: n,
        group: { id: `g${n % 4}` },
        retryDelay: 0,
        maxAttempts: 100,
      }))
      await Promise.all(queues.map((queue) => queue.addJobs(jobs)))
      await poll(async () => (await queues[0].getStats()).byStatus.completed === JOBS, { within: 110_000, every: 100 })
      expect(breaches).toEqual([])
      await Promise.all(processors.map((processor) => processor.stopAndDrain()))
      await lab.check()
    },
  )

  test('transactions that end jobs of the same groups never wait for each other', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.addJobs([0, 1, 2, 3].map((n) => ({ jobType: 'work', payload: n, group: { id: `g${n % 2}` } })))
    const { schema } = lab
    await lab.sql(`select "${schema}".register_worker('w', 60000, null, null, 4, 'h', 1, 'v')`)
    const claimed = await lab.sql(
      `select * from "${schema}".exchange((select max(id) from "${schema}".workers), '{}', '{}', null, 4, 4, null, null, null, null, false, null, true)`,
    )
    const jobs = claimed.filter(({ id }) => id !== null).toSorted((a, b) => Number(a['id']) - Number(b['id']))
    expect(jobs).toHaveLength(4)
    const token = claimed.find(({ id }) => id === null)?.['ready_seq']
    const sessions = [await lab.session(), await lab.session()]
    for (const session of sessions) await session.query("begin; set local lock_timeout = '2s'")
    // One ends a job of the first group and then one of the second, the other the other way round.
    for (const [session, job] of [
      [sessions[0], jobs[0]],
      [sessions[1], jobs[1]],
      [sessions[0], jobs[3]],
      [sessions[1], jobs[2]],
    ] as const) {
      await session?.query(`select "${schema}".settle_completed($1, $2, true)`, [[job?.['id']], [token]])
    }
    for (const session of sessions) await session.query('commit')
    expect((await queue.getStats()).byStatus.completed).toBe(4)
    await lab.check()
  })

  test('a group that somebody holds locked waits for him, without holding up others or spinning', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    let claims = 0
    queue.hooks.subscribe((event) => {
      if (event.type === 'claim') claims += 1
    })
    await using processor = queue.createProcessor({ work: (payload) => payload }, { groupConcurrency: 1 })
    processor.startInBackground()
    const group = { id: 'g' }
    const first = await queue.addJob({ jobType: 'work', payload: 1, group })
    await poll(async () => (await queue.getJob(first))?.status === 'completed')
    const holder = await lab.session()
    await holder.query('begin')
    await holder.query(`select 1 from "${lab.schema}".groups for update`)
    const heldAt = performance.now()
    claims = 0
    const waiting = await queue.addJob({ jobType: 'work', payload: 2, group })
    const free = await queue.addJob({ jobType: 'work', payload: 3 })
    await poll(async () => (await queue.getJob(free))?.status === 'completed', { within: 2000 })
    await poll(() => performance.now() - heldAt > 500)
    expect((await queue.getJob(waiting))?.status).toBe('pending')
    expect(claims).toBeLessThan(100)
    await holder.query('commit')
    expect(await poll(async () => (await queue.getJob(waiting))?.status === 'completed', { within: 1000 })).toBe(true)
    await processor.stopAndDrain()
    await lab.check()
  })

  test('a waiting job whose row was locked when its place came free is not forgotten', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    await using processor = queue.createProcessor(
      {
        work: () => undefined,
        hold: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
      },
      { groupConcurrency: 1, pollInterval: 100, concurrency: 4 },
    )
    processor.startInBackground()
    const group = { id: 'g' }
    const edited = await lab.session()
    for (const end of ['commit', 'rollback']) {
      const holder = await queue.addJob({ jobType: 'hold', payload: null, group })
      await poll(async () => (await queue.getJob(holder))?.status === 'processing')
      const waiting = await queue.addJob({ jobType: 'work', payload: null, group })
      await edited.query('begin')
      await edited.query(`select "${lab.schema}".edit_jobs(array[$1::bigint], '{"priority":3}', false, null)`, [
        waiting,
      ])
      await queue.cancelJob(holder)
      await poll(async () => (await queue.getJob(holder))?.status !== 'processing')
      await edited.query(end)
      // What nobody was told of is found by the supervisor.
      if (end === 'rollback') await queue.createSupervisor().start()
      await poll(async () => (await queue.getJob(waiting))?.status === 'completed')
    }
    await processor.stopAndDrain()
    expect(await queue.checkInvariants()).toEqual([])
  })
})
