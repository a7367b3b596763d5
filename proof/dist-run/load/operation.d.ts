import type { Random } from '../run/random.ts'
import type { LoadOptions } from '../run/settings.ts'
import { type BadJob } from './bad-jobs.ts'
import { type JobRequest } from './job.ts'
/** One thing a producer does. */
export type Operation =
  | {
      readonly do: 'add'
      readonly job: JobRequest
    }
  /** The same key from several callers at once, here and in the other producers. */
  | {
      readonly do: 'add-same'
      readonly jobs: readonly JobRequest[]
    }
  | {
      readonly do: 'add-all'
      readonly jobs: readonly JobRequest[]
    }
  | {
      readonly do: 'add-in-tx'
      readonly jobs: readonly JobRequest[]
      readonly end: 'commit' | 'rollback'
      readonly over: 'queue' | 'client'
    }
  /** `back`: on the job that was added so many jobs ago. */
  | {
      readonly do: 'cancel' | 'retry' | 'look'
      readonly back: number
    }
  | {
      readonly do: 'edit'
      readonly back: number
      readonly edit: Edit
    }
  | {
      readonly do: 'add-bad'
      readonly bad: BadJob
    }
export type Edit =
  | {
      readonly field: 'priority'
      readonly value: number
    }
  | {
      readonly field: 'delayMs'
      readonly value: number
    }
  | {
      readonly field: 'maxAttempts'
      readonly value: number
    }
export interface LoadSource {
  /** Begins the refs of this producer. */
  readonly name: string
  readonly random: Random
  readonly load: LoadOptions
  readonly leaseMs: number
}
/** Makes the operations of one producer, one by one, for as long as somebody asks. */
export declare class OperationSource {
  #private
  constructor(source: LoadSource)
  next(): Operation
}
//# sourceMappingURL=operation.d.ts.map
