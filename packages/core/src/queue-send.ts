import { MillraceError } from './errors.ts'
import { withTrace } from './observe/tracer.ts'
import type { QueueCore } from './queue-core.ts'
import type { DatabaseClient, NewJob } from './store/enqueue.ts'

/** Adds a prepared job, in the caller's transaction if there is one, with the trace that it is added in. */
export function sendOne(core: QueueCore, job: NewJob, db: DatabaseClient | undefined): Promise<number> {
  if (db !== undefined) return sendWith(core, job, db)
  if (core.hooks.tracer === undefined) return core.enqueuer.add(job)
  return traced(core, [job], false, ([sent = job]) => core.enqueuer.add(sent))
}

async function sendWith(core: QueueCore, job: NewJob, db: DatabaseClient): Promise<number> {
  const [id] = await sendAll(core, [job], db)
  if (id === undefined) throw new MillraceError('STORE_FAILED', 'The database answered no id for the added job.')
  return id
}

/** The same with any number of jobs, all or none. */
export function sendAll(
  core: QueueCore,
  jobs: readonly NewJob[],
  db: DatabaseClient | undefined,
): Promise<readonly number[]> {
  const { enqueuer } = core
  return traced(core, jobs, db !== undefined, (sent) =>
    db === undefined ? enqueuer.addMany(sent) : enqueuer.addWith(db, sent),
  )
}

function traced<T>(
  { hooks: { tracer } }: QueueCore,
  jobs: readonly NewJob[],
  isInTransaction: boolean,
  add: (jobs: readonly NewJob[]) => Promise<T>,
): Promise<T> {
  if (tracer === undefined) return add(jobs)
  const jobTypes = jobs.map(({ jobType }) => jobType)
  return tracer.send({ jobTypes, isInTransaction }, (trace) => add(withTrace(jobs, trace)))
}
