import { describe, expect, test } from 'vitest'
import { batchDepRef, type JobQueue } from '../../src/index.ts'
import { type Lab, openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

const PROCESSOR = { leaseMs: 2000, concurrency: 8 }
/** A job is claimed within this of the end of the last job it waits for, whatever died meanwhile. */
const RELEASE_MS = 2000

interface Edge {
  readonly jobId: number
  readonly prerequisites: readonly number[]
}

/** Places of prerequisites, by the place of the job. */
type Shape = readonly (readonly number[])[]

const DIAMOND: Shape = [[], [0], [0], [1, 2]]
const CHAIN: Shape = Array.from({ length: 6 }, (_, n) => (n === 0 ? [] : [n - 1]))
const FAN_IN: Shape = [...Array.from({ length: 20 }, () => []), Array.from({ length: 20 }, (_, n) => n)]

/** Adds a shape whose jobs each take a moment; every third fails before it succeeds. */
async function addShape(queue: JobQueue, shape: Shape, failsFor: (place: number) => number): Promise<Edge[]> {
  const ids = await queue.addJobs(
    shape.map((before, place) => ({
      jobType: 'flaky',
      payload: { ms: 20, fails: failsFor(place) },
      retryDelay: 0,
      ...(before.length === 0 ? {} : { dependsOn: { jobIds: before.map((at) => batchDepRef(at)) } }),
    })),
  )
  return shape.map((before, place) => ({ jobId: ids[place] ?? 0, prerequisites: before.map((at) => ids[at] ?? 0) }))
}

/** When a job was first claimed and when it ended, in milliseconds of the database's clock. */
async function times(lab: Lab, table: string): Promise<ReadonlyMap<number, { started: number; ended: number }>> {
  const rows = await lab.sql(
    `select id, extract(epoch from started_at) * 1000 as started, extract(epoch from finished_at) * 1000 as ended from "${lab.schema}".${table}`,
  )
  return new Map(
    rows.map((row) => [Number(row['id']), { started: Number(row['started']), ended: Number(row['ended']) }]),
  )
}

describe.skipIf(SERVER_URL === undefined)('jobs that wait for others, while workers die', () => {
  test('none starts early, none is cancelled, and each is released soon after the last it waited for', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const workers = await Promise.all([1, 2, 3].map(() => lab.worker({ processor: PROCESSOR })))
    const edges: Edge[] = []
    for (const shape of [DIAMOND, CHAIN, FAN_IN, DIAMOND, CHAIN, FAN_IN])
      edges.push(...(await addShape(queue, shape, (place) => (place % 3 === 0 ? 1 : 0))))
    await poll(async () => (await queue.getStats()).byStatus.completed > 20)
    workers[0]?.signal('SIGKILL')
    await poll(async () => (await queue.getStats()).byStatus.completed === edges.length, { within: 30_000 })
    const ran = await times(lab, 'finished_jobs')
    for (const { jobId, prerequisites } of edges) {
      if (prerequisites.length === 0) continue
      const lastEnd = Math.max(...prerequisites.map((id) => ran.get(id)?.ended ?? Number.NaN))
      const waited = (ran.get(jobId)?.started ?? Number.NaN) - lastEnd
      expect(waited, `job ${jobId} after ${prerequisites.join()}`).toBeGreaterThanOrEqual(0)
      expect(waited, `job ${jobId} after ${prerequisites.join()}`).toBeLessThan(RELEASE_MS)
    }
    await lab.check()
  })

  test('a worker killed in the last attempt of a job takes along what waits for it, and nothing else', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const victim = await lab.worker({ processor: PROCESSOR })
    const root = await queue.addJob({ jobType: 'hang', payload: null, maxAttempts: 1 })
    const retried = await queue.addJob({ jobType: 'hang', payload: null })
    const quick = { jobType: 'quick', payload: null }
    const cancelled = [await queue.addJob({ ...quick, dependsOn: { jobIds: [root, retried] } })]
    cancelled.push(await queue.addJob({ ...quick, dependsOn: { jobIds: cancelled } }))
    const after = await queue.addJob({ ...quick, dependsOn: { jobIds: [retried] } })
    const whatever = await queue.addJob({ ...quick, dependsOn: { jobIds: [root, ...cancelled], onFailure: 'run' } })
    await poll(() => victim.messages.filter(({ event }) => event === 'started').length === 2)
    victim.signal('SIGKILL')
    const heir = await lab.worker({ processor: PROCESSOR })
    await heir.heard('started')
    expect(await queue.getJob(after)).toMatchObject({ status: 'pending' })
    heir.send({ do: 'finish' })
    await poll(async () => (await queue.getJob(after))?.status === 'completed')
    await poll(async () => (await queue.getJob(whatever))?.status === 'completed')
    for (const id of cancelled) {
      expect(await queue.getJob(id)).toMatchObject({ status: 'cancelled', attempts: 0 })
      const last = (await queue.getJobEvents(id)).at(-1)
      expect(last).toMatchObject({ eventType: 'cancelled', metadata: { rootJobId: root, dependencyCascade: true } })
    }
    expect(await queue.getJob(root)).toMatchObject({ status: 'failed', failureReason: 'worker_lost' })
    await lab.check()
  })

  test('each completed attempt has its children once, whichever worker was killed when', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    const parents = 150
    await queue.addJobs(
      Array.from({ length: parents }, () => ({ jobType: 'parent', payload: { ms: 30 }, maxAttempts: 10 })),
    )
    const start = (): ReturnType<Lab['worker']> => lab.worker({ processor: PROCESSOR })
    const done = async (): Promise<number> => {
      const [row] = await lab.sql(
        `select count(*)::int as n from "${lab.schema}".finished_jobs where job_type = 'parent'`,
      )
      return Number(row?.['n'])
    }
    for (const killAt of [20, 60, 100]) {
      const victim = await start()
      await poll(async () => (await done()) >= killAt, { within: 30_000 })
      victim.signal('SIGKILL')
    }
    await start()
    const children = 3 * parents
    await poll(async () => (await queue.getStats()).byStatus.completed === parents + children, { within: 30_000 })
    const tags = await lab.sql(`select tags[1] as tag, count(*)::int as n from "${lab.schema}".finished_jobs
      where job_type = 'quick' group by 1 order by 1`)
    // For each parent: two with its completion, one at once.
    expect(tags.map(({ n }) => n)).toEqual(Array.from({ length: parents }, () => 3))
    await lab.check()
  })
})
