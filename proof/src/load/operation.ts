import { Random } from '../run/random.ts'
import type { LoadOptions } from '../run/settings.ts'
import { badJobs, type BadJob } from './bad-jobs.ts'
import { awaiting, draftJob, makeChain, makeJob, type JobRequest } from './job.ts'

/** One thing a producer does. */
export type Operation =
  | { readonly do: 'add'; readonly job: JobRequest }
  /** The same key from several callers at once, here and in the other producers. */
  | { readonly do: 'add-same'; readonly jobs: readonly JobRequest[] }
  | { readonly do: 'add-all'; readonly jobs: readonly JobRequest[] }
  /** A token, a job that waits for it, and its completion so much after the add; or never. */
  | { readonly do: 'add-awaiting'; readonly makeJob: (token: string) => JobRequest; readonly completeAfterMs?: number }
  /** Jobs that depend on each other; nothing else changes them. */
  | { readonly do: 'add-chain'; readonly jobs: readonly JobRequest[] }
  | {
      readonly do: 'add-in-tx'
      readonly jobs: readonly JobRequest[]
      readonly end: 'commit' | 'rollback'
      readonly over: 'queue' | 'client'
    }
  /** `back`: on the job that was added so many jobs ago. */
  | { readonly do: 'cancel' | 'retry' | 'look'; readonly back: number }
  | { readonly do: 'edit'; readonly back: number; readonly edit: Edit }
  | { readonly do: 'add-bad'; readonly bad: BadJob }

export type Edit =
  | { readonly field: 'priority'; readonly value: number }
  | { readonly field: 'delayMs'; readonly value: number }
  | { readonly field: 'maxAttempts'; readonly value: number }

export interface LoadSource {
  /** Begins the refs of this producer. */
  readonly name: string
  readonly random: Random
  readonly load: LoadOptions
  readonly leaseMs: number
}

/** Keys are few, so that producers meet at them. */
const KEYS = 4000

/** Makes the operations of one producer, one by one, for as long as somebody asks. */
export class OperationSource {
  readonly #source: LoadSource
  #made = 0

  constructor(source: LoadSource) {
    this.#source = source
  }

  next(): Operation {
    const { random, load } = this.#source
    const kinds: (readonly [number, () => Operation])[] = [
      [60, () => ({ do: 'add', job: this.#job() })],
      [10, () => this.#sameKey()],
      [5, () => ({ do: 'add-all', jobs: this.#jobs(random.integer(2, 15)) })],
      [3, () => this.#chain()],
      [3, () => this.#awaiting()],
      [load.transactions ? 8 : 0, () => this.#inTransaction()],
      [4, () => ({ do: 'cancel', back: random.integer(0, 40) })],
      [10, () => ({ do: 'look', back: random.integer(0, 60) })],
      [3, () => ({ do: 'retry', back: random.integer(0, 60) })],
      [3, () => ({ do: 'edit', back: random.integer(0, 10), edit: this.#edit() })],
    ]
    if (load.abuse) kinds.push([5, () => ({ do: 'add-bad', bad: random.pick(badJobs(this.#ref())) })])
    return random.weighted(kinds)()
  }

  #ref(): string {
    return `${this.#source.name}-${this.#made++}`
  }

  #job(more: { key?: string } = {}): JobRequest {
    const { random, load, leaseMs } = this.#source
    return makeJob(this.#ref(), { ...draftJob(random, load, leaseMs), ...more }, random)
  }

  #jobs(count: number): JobRequest[] {
    return Array.from({ length: count }, () => this.#job())
  }

  #chain(): Operation {
    const { random } = this.#source
    const more = Array.from({ length: random.integer(2, 4) }, () => this.#ref())
    return { do: 'add-chain', jobs: makeChain([this.#ref(), this.#ref(), ...more], random) }
  }

  #awaiting(): Operation {
    const { random } = this.#source
    const ref = this.#ref()
    const never = random.chance(0.05)
    // The job is made when its token is there: not from chance that other operations draw from meanwhile.
    const own = new Random(random.integer(0, 2 ** 31))
    return {
      do: 'add-awaiting',
      makeJob: (token) => makeJob(ref, awaiting(token, own), own),
      ...(never ? {} : { completeAfterMs: random.integer(0, 3000) }),
    }
  }

  #sameKey(): Operation {
    const { random } = this.#source
    const key = `key ${random.integer(1, KEYS)}`
    return { do: 'add-same', jobs: Array.from({ length: random.integer(1, 4) }, () => this.#job({ key })) }
  }

  #inTransaction(): Operation {
    const { random } = this.#source
    return {
      do: 'add-in-tx',
      jobs: this.#jobs(random.integer(1, 3)),
      end: random.chance(0.7) ? 'commit' : 'rollback',
      over: random.chance(0.5) ? 'queue' : 'client',
    }
  }

  #edit(): Edit {
    const { random } = this.#source
    return random.pick<Edit>([
      { field: 'priority', value: random.integer(-5, 5) },
      { field: 'delayMs', value: random.integer(0, 3000) },
      { field: 'maxAttempts', value: random.integer(20, 30) },
    ])
  }
}
