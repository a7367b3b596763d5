import { MillraceError } from './errors.ts'
import type { CreateTokenOptions, WaitToken } from './model/handler.ts'
import type { EditSettings, JobOptions, JobType } from './model/options.ts'
import type { DatabaseClient } from './store/enqueue.ts'

// The part of seed 003 that comes later. It is declared in full and refuses with `NOT_YET`, so that programs compile, and
// learn what is missing from an error that names it instead of from `undefined is not a function`.

export type CronScheduleStatus = 'active' | 'paused'

type ScheduledJob =
  | 'jobType'
  | 'payload'
  | 'maxAttempts'
  | 'priority'
  | 'timeoutMs'
  | 'forceKillOnTimeout'
  | 'tags'
  | 'retryDelay'
  | 'retryBackoff'
  | 'retryDelayMax'
  | 'deadLetterJobType'

/** What `addCronJob` takes: when, and the job that is added each time. */
export interface CronScheduleOptions<
  PayloadMap = Record<string, unknown>,
  T extends JobType<PayloadMap> = JobType<PayloadMap>,
> extends Pick<JobOptions<PayloadMap, T>, ScheduledJob> {
  /** Unique. */
  readonly scheduleName: string
  /** See `getNextCronOccurrence`. */
  readonly cronExpression: string
  /** An IANA name. Default `'UTC'`. */
  readonly timezone?: string | undefined
  /** Whether to add a job while the one before has not finished. Default `false`. */
  readonly allowOverlap?: boolean | undefined
}

/** New values for a schedule. Left out: unchanged. `null`: back to the default. */
export interface EditCronScheduleOptions extends Omit<EditSettings, 'runAt'> {
  readonly cronExpression?: string | undefined
  readonly payload?: unknown
  readonly forceKillOnTimeout?: boolean | undefined
  readonly timezone?: string | undefined
  readonly allowOverlap?: boolean | undefined
}

/** A schedule as the storage interface takes it: with every default in place. */
export interface CronScheduleInput {
  readonly scheduleName: string
  readonly cronExpression: string
  readonly jobType: string
  readonly payload: unknown
  readonly maxAttempts: number
  readonly priority: number
  readonly timeoutMs: number | null
  readonly forceKillOnTimeout: boolean
  readonly tags: readonly string[] | undefined
  readonly timezone: string
  readonly allowOverlap: boolean
  /** `null`: never again. */
  readonly nextRunAt: Date | null
  readonly retryDelay: number | null
  readonly retryBackoff: boolean | null
  readonly retryDelayMax: number | null
  readonly deadLetterJobType: string | null
}

/** A stored schedule. */
export interface CronScheduleRecord extends Omit<CronScheduleInput, 'tags'> {
  readonly id: number
  readonly tags: string[] | undefined
  readonly status: CronScheduleStatus
  readonly lastEnqueuedAt: Date | null
  readonly lastJobId: number | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

export type TokenStatus = 'waiting' | 'completed' | 'timed_out'

/** A stored token. */
export interface TokenRecord {
  readonly id: string
  /** The job whose handler made it; `null` for one that was made outside. */
  readonly jobId: number | null
  readonly status: TokenStatus
  /** What it was completed with. */
  readonly output: unknown
  readonly timeoutAt: Date | null
  readonly createdAt: Date
  readonly completedAt: Date | null
  readonly tags: string[] | null
}

/** Methods of a queue that reject with `NOT_YET`, naming the method. */
export interface LaterMethods<PayloadMap = Record<string, unknown>> {
  addCronJob<T extends JobType<PayloadMap>>(options: CronScheduleOptions<PayloadMap, T>): Promise<number>
  getCronJob(id: number): Promise<CronScheduleRecord | null>
  getCronJobByName(name: string): Promise<CronScheduleRecord | null>
  listCronJobs(status?: CronScheduleStatus): Promise<CronScheduleRecord[]>
  removeCronJob(id: number): Promise<void>
  pauseCronJob(id: number): Promise<void>
  resumeCronJob(id: number): Promise<void>
  editCronJob(id: number, updates: EditCronScheduleOptions): Promise<void>
  enqueueDueCronJobs(): Promise<number>
  createToken(options?: CreateTokenOptions): Promise<WaitToken>
  completeToken(tokenId: string, data?: unknown): Promise<void>
  getToken(tokenId: string): Promise<TokenRecord | null>
  expireTimedOutTokens(): Promise<number>
}

/** Methods of the storage interface that reject with `NOT_YET`, naming the method. */
export interface LaterBackendMethods {
  addCronSchedule(input: CronScheduleInput): Promise<number>
  getCronSchedule(id: number): Promise<CronScheduleRecord | null>
  getCronScheduleByName(name: string): Promise<CronScheduleRecord | null>
  listCronSchedules(status?: CronScheduleStatus): Promise<CronScheduleRecord[]>
  removeCronSchedule(id: number): Promise<void>
  pauseCronSchedule(id: number): Promise<void>
  resumeCronSchedule(id: number): Promise<void>
  editCronSchedule(id: number, updates: EditCronScheduleOptions, nextRunAt?: Date | null): Promise<void>
  getDueCronSchedules(): Promise<CronScheduleRecord[]>
  updateCronScheduleAfterEnqueue(
    id: number,
    lastEnqueuedAt: Date,
    lastJobId: number,
    nextRunAt: Date | null,
  ): Promise<void>
  waitJob(
    jobId: number,
    options: {
      readonly waitUntil?: Date | undefined
      readonly waitTokenId?: string | undefined
      readonly stepData: Readonly<Record<string, unknown>>
    },
  ): Promise<void>
  updateStepData(jobId: number, stepData: Readonly<Record<string, unknown>>): Promise<void>
  createWaitpoint(jobId: number | null, options?: CreateTokenOptions): Promise<WaitToken>
  completeWaitpoint(tokenId: string, data?: unknown): Promise<void>
  getWaitpoint(tokenId: string): Promise<TokenRecord | null>
  expireTimedOutWaitpoints(): Promise<number>
}

/** The queue's methods of a later version. */
export function laterMethods(): LaterMethods {
  return {
    addCronJob: notYet('addCronJob'),
    getCronJob: notYet('getCronJob'),
    getCronJobByName: notYet('getCronJobByName'),
    listCronJobs: notYet('listCronJobs'),
    removeCronJob: notYet('removeCronJob'),
    pauseCronJob: notYet('pauseCronJob'),
    resumeCronJob: notYet('resumeCronJob'),
    editCronJob: notYet('editCronJob'),
    enqueueDueCronJobs: notYet('enqueueDueCronJobs'),
    createToken: notYet('createToken'),
    completeToken: notYet('completeToken'),
    getToken: notYet('getToken'),
    expireTimedOutTokens: notYet('expireTimedOutTokens'),
  }
}

/** A method that rejects, whatever it is given. It never throws: its callers handle rejections only. */
export function notYet(method: string): () => Promise<never> {
  return async () => {
    throw new MillraceError('NOT_YET', `${method}() is not available in this version`, {
      details: { field: method, remedy: 'Do without it until a version that has it' },
    })
  }
}

/** Will check that jobs with these ids exist. Not there yet: rejects with `NOT_YET`. */
export const validatePrerequisiteJobIdsExist: (client: DatabaseClient, jobIds: readonly number[]) => Promise<void> =
  notYet('validatePrerequisiteJobIdsExist')

/** Will check that a job does not depend on itself, over whatever detour. Not there yet: rejects with `NOT_YET`. */
export const assertNoDependencyCycle: (
  client: DatabaseClient,
  newJobId: number,
  dependsOnJobIds: readonly number[],
) => Promise<void> = notYet('assertNoDependencyCycle')
