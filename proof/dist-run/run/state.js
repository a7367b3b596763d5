import { payloadHash } from '../history/payload-hash.js'
import { isProofPayload } from '../load/plan.js'
/** What the public API reported of a job, as a line of the history. */
export function stateOf(job, found, sentAt) {
  if (found === null) return { type: 'state', job, sentAt, status: 'missing' }
  const { payload, nextAttemptAt, failureReason, progress, output, idempotencyKey } = found
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
  }
}
//# sourceMappingURL=state.js.map
