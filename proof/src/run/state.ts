import type { JobRecord } from 'millrace'
import type { EventOf } from '../history/event.ts'
import { payloadHash } from '../history/payload-hash.ts'
import { isProofPayload } from '../load/plan.ts'

/** What the public API reported of a job, as a line of the history. */
export function stateOf(job: number, found: JobRecord | null, sentAt: number): EventOf<'state'> {
  if (found === null) return { type: 'state', job, sentAt, status: 'missing' }
  const { payload, nextAttemptAt, failureReason, progress, output, idempotencyKey, schedule } = found
  return {
    type: 'state',
    job,
    sentAt,
    status: found.status,
    attempts: found.attempts,
    ...(nextAttemptAt === null ? {} : { nextAttemptDbMs: nextAttemptAt.getTime() }),
    ...(failureReason === null ? {} : { failureReason }),
    ...(progress === null ? {} : { progress }),
    ...(output === null || output === undefined ? {} : { outputHash: payloadHash(output) }),
    ...(isProofPayload(payload) ? { ref: payload.ref } : {}),
    ...(idempotencyKey === null ? {} : { key: idempotencyKey }),
    ...(schedule === null ? {} : { schedule: schedule.name, tickDbMs: schedule.tick.getTime() }),
  }
}
