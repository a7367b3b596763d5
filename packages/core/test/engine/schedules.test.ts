import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL, type WorkerProcess } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

/** Counted from the database's clock, which decides. */
async function fromNow(lab: Awaited<ReturnType<typeof openLab>>, ms: number): Promise<Date> {
  const [row] = await lab.sql('select clock_timestamp() as now')
  const now = row?.['now']
  if (!(now instanceof Date)) throw new TypeError('the server tells its time')
  return new Date(now.getTime() + ms)
}

describe.skipIf(SERVER_URL === undefined)('schedules', () => {
  test(
    '8 nodes and 200 ticks, with nodes killed all the time: exactly 200 jobs, one for each',
    { timeout: 90_000 },
    async () => {
      const lab = await openLab()
      const queue = lab.queue()
      await queue.ready()
      const start = (): Promise<WorkerProcess> => lab.worker({ processor: { leaseMs: 2000, heartbeat: 'main' } })
      const nodes = await Promise.all(Array.from({ length: 8 }, start))
      const startAt = await fromNow(lab, 1500)
      const endAt = new Date(startAt.getTime() + 9 * 400)
      for (let n = 0; n < 20; n++) {
        await queue.addCronJob({
          scheduleName: `s${n}`,
          everyMs: 400,
          startAt,
          endAt,
          catchUp: 'all',
          allowOverlap: true,
          jobType: 'quick',
          payload: n,
        })
      }
      const jobs = async (): Promise<number> =>
        Number((await lab.sql(`select count(*) as n from "${lab.schema}".schedule_ticks`))[0]?.['n'])
      for (let round = 0; round < 6; round++) {
        await poll(async () => (await jobs()) >= (round + 1) * 25)
        nodes[round]?.signal('SIGKILL')
      }
      await poll(async () => (await queue.getStats()).byStatus.completed === 200, { within: 30_000 })
      await poll(async () => (await queue.listCronJobs()).every(({ nextRunAt }) => nextRunAt === null))
      const found = await queue.getJobs({}, 1000)
      expect(found).toHaveLength(200)
      expect(new Set(found.map(({ schedule }) => `${schedule?.name} ${schedule?.tick.toISOString()}`)).size).toBe(200)
      await lab.check()
    },
  )

  test('a supervisor alone fires within a second of the tick, also what others have just added', async () => {
    const lab = await openLab()
    await using queue = lab.queue({ listen: false })
    const elsewhere = lab.queue({ listen: false })
    queue.createSupervisor({ intervalMs: 86_400_000 }).startInBackground()
    const id = await elsewhere.addCronJob({
      scheduleName: 's',
      everyMs: 700,
      allowOverlap: true,
      jobType: 'quick',
      payload: null,
    })
    const ticks = await poll(async () => {
      const found = await elsewhere.getCronJobTicks(id)
      return found.length >= 4 ? found : undefined
    })
    for (const { tickAt, firedAt, outcome } of ticks ?? []) {
      expect(outcome).toBe('added')
      expect(firedAt.getTime() - tickAt.getTime()).toBeGreaterThanOrEqual(0)
      expect(firedAt.getTime() - tickAt.getTime()).toBeLessThanOrEqual(1000)
    }
  })

  test('an idle processor wakes for the tick, runs its job, and tells of it', async () => {
    const lab = await openLab()
    await using queue = lab.queue()
    const added: number[] = []
    queue.on('job:added', ({ jobId }) => added.push(jobId))
    const ran: unknown[] = []
    queue
      .createProcessor({ work: (payload, _signal, ctx) => void ran.push([payload, ctx.jobId, ctx.schedule]) })
      .startInBackground()
    const startAt = await fromNow(lab, 1300)
    const id = await queue.addCronJob({
      scheduleName: 's',
      everyMs: 3_600_000,
      startAt,
      jobType: 'work',
      payload: { n: 1 },
    })
    await poll(() => ran.length === 1)
    expect(ran).toEqual([[{ n: 1 }, added[0], { name: 's', tick: startAt, isManual: false }]])
    const [tick] = await queue.getCronJobTicks(id)
    expect(tick?.tickAt).toEqual(startAt)
    expect((tick?.firedAt.getTime() ?? 0) - startAt.getTime()).toBeLessThanOrEqual(1000)
  })

  test('a processor that is told not to fires nothing', async () => {
    const lab = await openLab()
    await using queue = lab.queue()
    const quiet = queue.createProcessor({ work: () => undefined }, { fireSchedules: false })
    quiet.startInBackground()
    const id = await queue.addCronJob({ scheduleName: 's', everyMs: 100, jobType: 'work', payload: null })
    const jobId = await queue.addJob({ jobType: 'work', payload: null, runAt: await fromNow(lab, 2500) })
    await poll(async () => (await queue.getJob(jobId))?.status === 'completed')
    expect(await quiet.start()).toBe(0)
    expect(await queue.getCronJobTicks(id)).toEqual([])
  })

  test(
    'edited, paused, run and skipped by four at once while four fire: no tick twice, nothing lost',
    { timeout: 60_000 },
    async () => {
      const lab = await openLab()
      const queues = Array.from({ length: 8 }, () => lab.queue({ listen: false, databaseConfig: { max: 2 } }))
      const [first] = queues
      if (first === undefined) throw new TypeError('there are eight')
      const id = await first.addCronJob({
        scheduleName: 's',
        everyMs: 100,
        allowOverlap: true,
        catchUp: 'all',
        jobType: 'quick',
        payload: 0,
      })
      let isOver = false
      const firing = queues.slice(0, 4).map(async (queue) => {
        while (!isOver) await queue.enqueueDueCronJobs()
      })
      const editing = queues.slice(4).map(async (queue, n) => {
        for (let round = 0; round < 15; round++) {
          if (n === 0) await queue.editCronJob(id, { everyMs: round % 2 === 0 ? 100 : 150 })
          if (n === 1) await queue.editCronJob(id, { payload: round })
          if (n === 2) await (round % 2 === 0 ? queue.pauseCronJob(id) : queue.resumeCronJob(id))
          if (n === 3) await (round % 2 === 0 ? queue.runCronJobNow(id) : queue.skipNextCronJob(id))
        }
      })
      try {
        await Promise.all(editing)
        await first.resumeCronJob(id)
      } finally {
        isOver = true
        await Promise.allSettled([...firing, ...editing])
      }
      await Promise.all(firing)
      const before = (await first.getCronJobTicks(id, 1000)).length
      await poll(async () => {
        await first.enqueueDueCronJobs()
        return (await first.getCronJobTicks(id, 1000)).length > before
      })
      const ticks = await first.getCronJobTicks(id, 1000)
      const jobs = await first.getJobs({}, 1000)
      expect(jobs.length).toBe(ticks.filter(({ jobId }) => jobId !== null).length)
      expect(new Set(jobs.map(({ id: jobId }) => jobId))).toEqual(
        new Set(ticks.flatMap(({ jobId }) => (jobId === null ? [] : [jobId]))),
      )
      expect(ticks.filter(({ outcome }) => outcome === 'run')).toHaveLength(8)
      await lab.check()
    },
  )
})
