import { MillraceError } from './errors.ts'
import type { CreateTokenOptions, WaitToken } from './model/handler.ts'

// The part of seed 003 that comes later. It is declared in full and refuses with `NOT_YET`, so that programs compile, and
// learn what is missing from an error that names it instead of from `undefined is not a function`.

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
export interface LaterMethods {
  createToken(options?: CreateTokenOptions): Promise<WaitToken>
  completeToken(tokenId: string, data?: unknown): Promise<void>
  getToken(tokenId: string): Promise<TokenRecord | null>
  expireTimedOutTokens(): Promise<number>
}

/** Methods of the storage interface that reject with `NOT_YET`, naming the method. */
export interface LaterBackendMethods {
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
