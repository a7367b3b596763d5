import type { JobContext } from '../model/handler.ts'
import type { JobsIn } from './jobs-in.ts'

/** What a relay hands to its target. */
export interface RelayMessage {
  /** The same in every attempt for a job, and for no other job: what the target can recognise a repetition by. */
  readonly dedupeId: string
  readonly jobType: string
  readonly payload: unknown
}

/** Takes a message; resolves once the other system has acknowledged it. */
export type RelayTarget = (message: RelayMessage, signal: AbortSignal) => Promise<unknown>

/** A handler for any job type. */
export type RelayHandler = (payload: unknown, signal: AbortSignal, ctx: JobContext) => Promise<void>

/**
 * A handler that forwards jobs to another system: add them here, in your transaction, and they reach the other system after it
 * has committed.
 *
 * Each job is forwarded at least once, with retries as for any other handler: a crash between the other system's
 * acknowledgement and ours forwards it again under the same `dedupeId`.
 *
 * @param prefix - Begins every `dedupeId`; one for each instance that forwards to the same place. Default `'millrace'`.
 */
export function createRelay(target: RelayTarget, prefix = 'millrace'): RelayHandler {
  return async (payload, signal, ctx) => {
    await target({ dedupeId: `${prefix}-${ctx.jobId}`, jobType: ctx.jobType, payload }, signal)
  }
}

/** A queue of BullMQ, as far as it is used here. */
export interface BullMqQueue {
  // Its type parameters are the caller's; `never` takes them all.
  readonly add: (name: never, data: never, options: { readonly jobId: string }) => Promise<unknown>
}

/** A target for `createRelay`: a queue of BullMQ, which ignores a `jobId` that it still knows. */
export function toBullMq(queue: BullMqQueue): RelayTarget {
  return ({ dedupeId, jobType, payload }) => queue.add(jobType as never, payload as never, { jobId: dedupeId })
}

/** A client for a queue with the interface of Amazon SQS, such as `SQS` of `@aws-sdk/client-sqs`. */
export interface SqsClient {
  sendMessage(input: {
    QueueUrl: string
    MessageBody: string
    MessageDeduplicationId?: string
    MessageGroupId?: string
  }): Promise<unknown>
}

/**
 * A target for `createRelay`: a queue with the interface of SQS. The body is `{ jobType, payload, dedupeId }` as JSON; a FIFO
 * queue (whose URL ends in `.fifo`) drops repetitions within five minutes by itself.
 */
export function toSqs(client: SqsClient, queueUrl: string): RelayTarget {
  return ({ dedupeId, jobType, payload }) =>
    client.sendMessage({
      QueueUrl: queueUrl,
      MessageBody: JSON.stringify({ jobType, payload, dedupeId }),
      ...(queueUrl.endsWith('.fifo') && { MessageDeduplicationId: dedupeId, MessageGroupId: jobType }),
    })
}

/** A target for `createRelay`: another queue of this library, where exactly one job results for each. */
export function toQueue(queue: JobsIn<Record<string, unknown>>): RelayTarget {
  return ({ dedupeId, jobType, payload }) => queue.addJob({ jobType, payload, idempotencyKey: dedupeId })
}
