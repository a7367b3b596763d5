import type { JobOptions } from 'millrace'
import type { JobSpec } from '../history/producer-event.ts'
import type { Random } from '../run/random.ts'
import type { LoadOptions } from '../run/settings.ts'
import { type Plan } from './plan.ts'
/** A job to add, and what the checker is told of it. */
export interface JobRequest {
  readonly options: JobOptions
  readonly spec: JobSpec
}
/** What one job is made of, besides its ref. */
export interface JobDraft {
  readonly plan: Plan
  readonly maxAttempts: number
  readonly retryDelayMs?: number
  readonly retryBackoff?: boolean
  readonly timeoutMs?: number
  readonly group?: string
  readonly key?: string
  readonly priority?: number
  readonly delayMs?: number
  readonly hostile?: 'contained' | 'exit'
}
export declare function makeJob(ref: string, draft: JobDraft, random: Random): JobRequest
/** Draws one job of the load. `groups` bounds how many groups there are. */
export declare function draftJob(random: Random, load: LoadOptions, leaseMs: number): JobDraft
/** Any JSON value, nested at most `depth` deep, with texts and keys that invite mistakes. */
export declare function someJson(random: Random, depth: number): unknown
export declare const TEXTS: readonly string[]
//# sourceMappingURL=job.d.ts.map
