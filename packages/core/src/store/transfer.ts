import type { IdRange, PortableJob, PortableToken } from '../model/portable.ts'
import type { StoredSchedule } from './schedule.ts'

/** What an export begins with. */
export interface ExportHead {
  /** Names the instance for ever; drawn at random by the first export. */
  readonly instance: string
  /** The lowest id of a stored job; 0 when there is none. */
  readonly firstId: number
  /** The highest number drawn so far: what is added later has a higher id. */
  readonly lastId: number
  /** Attempts under way. */
  readonly running: number
  /** Ends of which not everybody who waits for them has been told. */
  readonly untold: number
}

/** A schedule with what it has done so far. */
export type MovedSchedule = Omit<
  StoredSchedule,
  'id' | 'revision' | 'nextRunKey' | 'lastSkippedAt' | 'lastSkip' | 'updatedAt'
>

/** `awaited`: failed and cancelled jobs that some job waits for, which is why they belong to what is live. */
export type ExportPart = 'awaited' | 'live' | 'ended'

/**
 * Reading an instance whole, and writing it into another. An instance that is written into is paused by the caller, so that
 * nothing of it runs before the last of it is there.
 */
export interface TransferStore {
  exportHead(): Promise<ExportHead>
  /** Jobs of a part above `after`, up to `upTo`, by ascending id; those that run are left out. */
  exportJobs(options: {
    readonly part: ExportPart
    readonly after: number
    readonly upTo: number
    readonly limit: number
  }): Promise<readonly PortableJob[]>
  /** How many live jobs there are up to this id, those that run included. */
  countLive(options: { readonly upTo: number }): Promise<number>
  /** Tokens of no job, by ascending id. */
  exportTokens(options: { readonly after: string; readonly limit: number }): Promise<readonly PortableToken[]>
  /** Sets ids aside for what was not known of this source before; all that were. A lower range is never changed. */
  beginImport(options: {
    readonly source: string
    readonly firstId: number
    readonly lastId: number
  }): Promise<readonly IdRange[]>
  /**
   * Adds those of `jobs` that were never imported from this source, all in one transaction; `sourceIds` are their ids there,
   * ascending, while `jobs` have those that they are to have here.
   */
  importJobs(options: {
    readonly source: string
    readonly sourceIds: readonly number[]
    readonly jobs: readonly PortableJob[]
  }): Promise<{ readonly imported: number; readonly keysTaken: number }>
  /** Those that are there are left alone; how many were not. */
  importTokens(options: { readonly tokens: readonly PortableToken[] }): Promise<number>
  /** Those whose name is taken are left alone; how many were not. */
  importSchedules(options: { readonly schedules: readonly MovedSchedule[] }): Promise<number>
  /** Looks at what the imported jobs of these ranges wait for, which may have ended or never have come. */
  endImport(options: { readonly ranges: readonly IdRange[] }): Promise<void>
}
