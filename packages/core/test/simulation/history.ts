import type { Settlement } from '../../src/store/settle.ts'

/** An attempt, as everything that happens to it names it. */
interface Attempt {
  readonly id: number
  readonly token: number
}

/** What happened, as the outside sees it or as the store did it; the checks know nothing else. */
export type Fact =
  // What the store did.
  | { readonly kind: 'added'; readonly id: number; readonly maxAttempts: number; readonly group: string | null }
  | { readonly kind: 'registered'; readonly worker: number; readonly leaseMs: number; readonly processor: string }
  | { readonly kind: 'unregistered'; readonly worker: number }
  | (Attempt & { readonly kind: 'claimed'; readonly worker: number; readonly attempt: number })
  | (Attempt & { readonly kind: 'settled'; readonly as: Settlement['kind'] })
  | (Attempt & { readonly kind: 'rescued'; readonly worker: number; readonly isFinal: boolean })
  | (Attempt & { readonly kind: 'revoked' | 'cancel requested' })
  | { readonly kind: 'retried'; readonly id: number; readonly maxAttempts: number }
  | { readonly kind: 'cancelled'; readonly id: number }
  // What callers of the queue were told.
  | { readonly kind: 'acked'; readonly key: number; readonly id: number }
  | { readonly kind: 'cancel acked'; readonly id: number; readonly answer: string }
  // What handlers saw and did.
  | (Attempt & { readonly kind: 'started'; readonly process: string; readonly processor: string })
  | (Attempt & { readonly kind: 'ended'; readonly how: 'returned' | 'threw' | 'gave up' })
  | (Attempt & { readonly kind: 'aborted'; readonly code: string })
  // What was done to processors and processes.
  | { readonly kind: 'working'; readonly processor: string; readonly process: string; readonly concurrency: number }
  | { readonly kind: 'stopping'; readonly processor: string }
  | {
      readonly kind: 'drained'
      readonly processor: string
      readonly process: string
      readonly inMs: number
      readonly limitMs: number
    }
  | { readonly kind: 'killed'; readonly process: string }
  | { readonly kind: 'stalled'; readonly process: string; readonly forMs: number }
  | { readonly kind: 'cut off'; readonly process: string; readonly forMs: number }
  | { readonly kind: 'server down'; readonly forMs: number }
  | { readonly kind: 'quiet' }
  // What went over the network.
  | { readonly kind: 'call'; readonly process: string; readonly verb: string; readonly fate: string }

export type Entry = Fact & { readonly at: number }

/** An append-only list of what happened, outside everything that is under test. */
export class History {
  readonly entries: Entry[] = []
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  add(fact: Fact): void {
    this.entries.push({ ...fact, at: this.#now() })
  }

  /** As lines of text, for people. With `ids` only what concerns these jobs, and what was done to processes. */
  lines(ids?: ReadonlySet<number>): string[] {
    return this.entries
      .filter((entry) => (ids === undefined ? true : 'id' in entry ? ids.has(entry.id) : entry.kind !== 'call'))
      .map(({ at, kind, ...rest }) => {
        const fields = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`)
        return `${(at / 1000).toFixed(3).padStart(10)} s  ${kind} ${fields.join(' ')}`
      })
  }
}
