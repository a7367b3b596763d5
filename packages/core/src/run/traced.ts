import type { JobTracer } from '../observe/tracer.ts'
import type { ClaimedJob } from '../store/claim.ts'

interface Host {
  readonly job: ClaimedJob
  readonly workerId: string
}

/** Calls a handler within what its tracer makes of the attempt. */
export function callTraced<T>({ job, workerId }: Host, tracer: JobTracer | undefined, call: () => T): T {
  if (tracer === undefined) return call()
  const { id, jobType, attempt, trace = null, createdAt, groupId, tenantId } = job
  return tracer.attempt({ jobId: id, jobType, attempt, workerId, trace, createdAt, groupId, tenantId }, call)
}

/** The same with a step. */
export function runTraced<T>(
  { job, workerId }: Host,
  tracer: JobTracer | undefined,
  step: { readonly name: string; readonly run: () => Promise<T> },
): Promise<T> {
  if (tracer === undefined) return step.run()
  return tracer.step({ name: step.name, jobId: job.id, attempt: job.attempt, workerId }, step.run)
}
