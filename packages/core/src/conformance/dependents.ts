import type { NewJob } from '../store/enqueue.ts'
import { type Bench, cancelled, failed } from './bench.ts'

// What the cases of dependencies share.

export const HOUR_MS = 3_600_000

/** Adds a job that waits for others. */
export function addAfter(t: Bench, jobIds: readonly number[], job: Partial<NewJob> = {}): Promise<number> {
  return t.add({ ...job, dependsOn: { jobIds, ...job.dependsOn } })
}

/** Adds a job that waits for others to be drained. */
export function behind(t: Bench, tags: readonly string[], job: Partial<NewJob> = {}): Promise<number> {
  return t.add({ ...job, dependsOn: { tags, ...job.dependsOn } })
}

export async function statuses(t: Bench, ids: readonly number[]): Promise<string[]> {
  return Promise.all(ids.map(async (id) => (await t.job(id)).status))
}

/** The last event of a job, and what it says. */
export async function lastEvent(t: Bench, id: number): Promise<unknown[]> {
  const event = (await t.store.listEvents({ id })).at(-1)
  return [event?.eventType, event?.metadata]
}

/** Ways in which a job ends for good without completing. */
export const FAILURES: Readonly<Record<string, (t: Bench, id: number, worker: number) => Promise<unknown>>> = {
  'its final failure': async (t, _id, worker) => t.settle(failed(await t.claimOne(worker))),
  'its cancellation before it runs': (t, id) => t.store.cancel({ id }),
  'a bulk cancellation': (t, id) => t.store.cancelMany({ filter: { ids: [id] } }),
  'its cancellation while it runs': async (t, id, worker) => {
    const job = await t.claimOne(worker)
    await t.store.cancel({ id })
    return t.settle(cancelled(job))
  },
  'the crash of its last attempt': async (t, _id, worker) => {
    await t.claimOne(worker)
    await t.target.expireWorker(worker)
    return t.keepHouse(await t.worker())
  },
}
