/** What a handler is to do. It travels in the payload, so that whichever process runs the job knows. */
export type Plan =
  | { readonly do: 'work'; readonly ms: number }
  /** Throws in each of its first `times` attempts. */
  | { readonly do: 'fail'; readonly times: number; readonly ms: number; readonly how: Oddity }
  /** Runs into its time limit in its first `times` attempts, and heeds its signal or not. */
  | { readonly do: 'exceed'; readonly times: number; readonly heeds: boolean }
  /** Reports progress and output on its way. */
  | { readonly do: 'report'; readonly ms: number }
  | { readonly do: 'block'; readonly ms: number }
  /** Kills its own process in its first `times` attempts. */
  | { readonly do: 'die'; readonly times: number }
  /** Lets its process die of an unhandled rejection, in its first attempt. */
  | { readonly do: 'leak' }
  | { readonly do: 'return'; readonly what: OddResult }
  /** Runs `steps` steps, sleeps until `untilDbMs` after the first, and ends when `token` is completed. */
  | { readonly do: 'flow'; readonly steps: number; readonly untilDbMs?: number; readonly token?: string }
  /** Completes itself in one transaction with a row of its own; throws in the middle of its first `times`. */
  | { readonly do: 'transact'; readonly ms: number; readonly times: number }

/** What handlers throw. */
export type Oddity =
  | 'error'
  | 'string'
  | 'undefined'
  | 'null'
  | 'symbol'
  | 'frozen'
  | 'getter'
  | 'cyclic'
  | 'long'
  | 'unstorable'
  | 'proxy'
export const ODDITIES: readonly Oddity[] = [
  'string',
  'undefined',
  'null',
  'symbol',
  'frozen',
  'getter',
  'cyclic',
  'long',
  'unstorable',
  'proxy',
]

/** What handlers return that is no JSON. */
export type OddResult = 'bigint' | 'cyclic' | 'function' | 'nan'
export const ODD_RESULTS: readonly OddResult[] = ['bigint', 'cyclic', 'function', 'nan']

/** The payload of every well-formed job of a run. */
export interface ProofPayload {
  readonly ref: string
  readonly plan: Plan
  /** Anything, to see that it arrives. */
  readonly data: unknown
}

export function isProofPayload(value: unknown): value is ProofPayload {
  return typeof value === 'object' && value !== null && 'ref' in value && 'plan' in value
}
