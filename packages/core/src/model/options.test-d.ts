import type { JobHandler, JobHandlers } from './handler.ts'
import type { AnyJobOptions, EditJobOptions, JobOptions, JobType } from './options.ts'

/** A payload map as users write it: an interface, which has no index signature. */
interface Payloads {
  email: { to: string }
  report: { id: number }
}

declare function addJob<T extends JobType<Payloads>>(job: JobOptions<Payloads, T>): void
declare function prepare(job: AnyJobOptions): void

addJob({ jobType: 'email', payload: { to: 'x' }, tags: ['a'], runAt: null, maxAttempts: undefined })
// @ts-expect-error the payload of another type
addJob({ jobType: 'report', payload: { to: 'x' } })
// @ts-expect-error an unknown type
addJob({ jobType: 'sms', payload: {} })
// @ts-expect-error an unknown option
addJob({ jobType: 'report', payload: { id: 1 }, maxAtempts: 1 })

export function generic<T extends JobType<Payloads>>(job: JobOptions<Payloads, T>): void {
  prepare(job)
}

export const edit: EditJobOptions<Payloads, 'email'> = { payload: { to: 'y' }, tags: null }

export const handlers: JobHandlers<Payloads> = {
  email: async ({ to }) => to.length,
  report: ({ id }, signal, ctx) => (signal.aborted ? undefined : ctx.setProgress(id)),
}
// @ts-expect-error a handler is missing
export const some: JobHandlers<Payloads> = { email: () => {} }

const bySeed: JobHandler<Payloads, 'email'> = async ({ to }) => to.length
const byPayload: JobHandler<{ to: string }> = bySeed
void byPayload
