import { encodeOutput } from '../model/codec.ts'
import { FailureReason } from '../model/job.ts'
import { type Outcome, RETURNED } from '../model/outcome.ts'

/** What a handler's result makes of its attempt: a result that cannot be stored fails it. */
export function returned(value: unknown): Outcome {
  if (value === undefined) return RETURNED
  try {
    const output = encodeOutput(value)
    return output === undefined ? RETURNED : { kind: 'returned', output }
  } catch (error) {
    return { kind: 'threw', error, reason: FailureReason.HandlerError }
  }
}
