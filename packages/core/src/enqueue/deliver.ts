import { MillraceError, isMillraceError } from '../errors.ts'
import type { Clock } from '../model/clock.ts'
import type { EnqueueOptions, EnqueueResult, EnqueueStore, NewJob } from '../store/enqueue.ts'

/** An add whose outcome stays unknown is given up after this long. */
export const GIVE_UP_MS = 30_000

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2000

export interface DeliverOptions {
  readonly store: Pick<EnqueueStore, 'enqueue' | 'findEnqueued'>
  readonly clock: Clock
  /** An id that was seen before this call: what it adds gets higher ones. */
  readonly sinceId: number
  /** See `EnqueueOptions`. */
  readonly forgetsCompleted?: boolean
  /** Notify sleeping workers in the statement itself. */
  readonly notify?: boolean
}

/**
 * Adds all jobs or none, exactly once even if replies are lost.
 *
 * A lost reply leaves unknown whether the statement took effect. A batch with un-keyed jobs carries a nonce; it is looked
 * up, and sent again only when it is not there. Keyed jobs alone are simply sent again, since their keys make that safe.
 *
 * @throws MillraceError `STORE_UNAVAILABLE` when the outcome is still unknown after 30 seconds; whatever else the store
 *   throws means that nothing was added, such as that its disk is full for so long.
 */
export async function deliver(jobs: readonly NewJob[], options: DeliverOptions): Promise<EnqueueResult> {
  const { store, clock, sinceId } = options
  const nonce = jobs.every(hasKey) ? undefined : drawNonce(clock)
  const request = requestOf(jobs, nonce, options)
  const startedAt = clock.now()
  let mayBeAdded = false
  for (let attempt = 1; ; attempt++) {
    try {
      if (attempt > 1 && nonce !== undefined) {
        const found = await store.findEnqueued({ nonce, sinceId })
        if (found !== null) return await recover(jobs, found, store)
        // None of the attempts so far has had an effect: what the next one meets is the answer.
        mayBeAdded = false
      }
      return await store.enqueue(request)
    } catch (error) {
      // Whoever refuses to say what became of the jobs has not refused the jobs.
      if (!isOutcomeUnknown(error)) throw mayBeAdded ? outcomeUnknown(jobs.length, error) : error
      mayBeAdded ||= !isMillraceError(error) || error.details.outcome !== 'none'
      const ceilingMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt)
      const pauseMs = ceilingMs * (0.5 + clock.random() / 2)
      if (clock.now() - startedAt + pauseMs > GIVE_UP_MS) throw mayBeAdded ? outcomeUnknown(jobs.length, error) : error
      await pause(clock, pauseMs)
    }
  }
}

function requestOf(
  jobs: readonly NewJob[],
  nonce: number | undefined,
  { notify, forgetsCompleted }: DeliverOptions,
): EnqueueOptions {
  return {
    jobs,
    ...(nonce === undefined ? {} : { nonce }),
    ...(notify ? { notify } : {}),
    ...(forgetsCompleted ? { forgetsCompleted } : {}),
  }
}

/** Whether to try again: the statement may have taken effect all the same, or had none but may have next time. */
export function isOutcomeUnknown(error: unknown): boolean {
  if (!isMillraceError(error)) return false
  return error.code === 'STORE_TIMEOUT' || error.code === 'STORE_UNAVAILABLE' || error.details.isTransient === true
}

/** The result that was lost, from the ids the batch is known to have created. */
async function recover(
  jobs: readonly NewJob[],
  found: readonly number[],
  store: Pick<EnqueueStore, 'enqueue'>,
): Promise<EnqueueResult> {
  if (found.length === jobs.length) return { ids: found, created: 'all', sleepers: true }
  // Some keyed jobs existed before. Sent again, the keyed ones tell their ids; the other ids ascend in input order.
  const keyed = jobs.filter(hasKey)
  const keyedIds = keyed.length === 0 ? [] : (await store.enqueue({ jobs: keyed })).ids
  const others = found.filter((id) => !keyedIds.includes(id)).toSorted((left, right) => left - right)
  if (others.length !== jobs.length - keyed.length) throw idsUnknown(jobs.length, found)
  const nextKeyed = keyedIds.values()
  const nextOther = others.values()
  const ids = jobs.map((job) => (hasKey(job) ? nextKeyed : nextOther).next().value ?? 0)
  return { ids, created: new Set(ids.flatMap((id, index) => (found.includes(id) ? [index] : []))), sleepers: true }
}

function hasKey(job: NewJob): boolean {
  return job.idempotencyKey !== undefined
}

/** A positive safe integer; the clock's randomness, so that a simulation repeats it. */
function drawNonce(clock: Clock): number {
  return 1 + Math.floor(clock.random() * (Number.MAX_SAFE_INTEGER - 1))
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}

function outcomeUnknown(count: number, cause: unknown): MillraceError {
  const remedy = 'Add them again with an `idempotencyKey`, which makes repeating safe'
  const why = isOutcomeUnknown(cause) ? `did not answer for ${GIVE_UP_MS / 1000} s` : 'failed when it was asked'
  const message = `The database ${why}; whether ${count} job(s) were added is unknown. ${remedy}.`
  return new MillraceError('STORE_UNAVAILABLE', message, { cause, details: { outcome: 'unknown', remedy } })
}

function idsUnknown(count: number, found: readonly number[]): MillraceError {
  const remedy = 'Do not add them again'
  const message =
    `${count} jobs were added, but the reply was lost, and only ${found.length} of them are still there to tell ` +
    `their ids: the others have run and were not kept. ${remedy}.`
  return new MillraceError('STORE_FAILED', message, { details: { value: found, remedy } })
}
