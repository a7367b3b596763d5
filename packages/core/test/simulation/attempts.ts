import type { Entry, History } from './history.ts'

/** One attempt of a job, from its claim to whatever ended it at the store, with what its handler did meanwhile. */
export interface AttemptRecord {
  readonly id: number
  readonly token: number
  readonly worker: number
  readonly claimedAt: number
  /** What ended it at the store; absent while it holds its lease. */
  over?: { readonly at: number; readonly by: string }
  startedAt?: number
  process?: string
  processor?: string
  endedAt?: number
  how?: string
  abortedAt?: number
  /** When somebody first asked that it stop, because the job was cancelled. */
  cancelAskedAt?: number
  /** How often its handler was called. */
  starts: number
}

export interface WorkerRecord {
  readonly processor: string
  readonly leaseMs: number
}

/** The history by attempt, in the order of the claims, with what could not be fitted in. */
export interface Attempts {
  readonly all: readonly AttemptRecord[]
  readonly byJob: ReadonlyMap<number, readonly AttemptRecord[]>
  readonly workers: ReadonlyMap<number, WorkerRecord>
  readonly violations: readonly string[]
}

/** Pairs up what belongs together. Here every write of a stale attempt shows: its attempt was over before. */
export function attemptsOf(history: History): Attempts {
  const all: AttemptRecord[] = []
  const byName = new Map<string, AttemptRecord>()
  const byJob = new Map<number, AttemptRecord[]>()
  const workers = new Map<number, WorkerRecord>()
  const violations: string[] = []
  const find = ({ id, token }: { id: number; token: number }, what: string): AttemptRecord | undefined => {
    const found = byName.get(`${id}/${token}`)
    if (found === undefined) violations.push(`job ${id}: ${what} under token ${token}, which no claim gave it`)
    return found
  }
  for (const entry of history.entries) {
    if (entry.kind === 'registered') {
      workers.set(entry.worker, { processor: entry.processor, leaseMs: entry.leaseMs })
    } else if (entry.kind === 'claimed') {
      const { id, token, worker, at } = entry
      const attempt: AttemptRecord = { id, token, worker, claimedAt: at, starts: 0 }
      const before = byJob.get(id) ?? []
      const last = before.at(-1)
      if (last !== undefined && last.over === undefined)
        violations.push(`job ${id} was claimed while token ${last.token} held it`)
      all.push(attempt)
      byName.set(`${id}/${token}`, attempt)
      byJob.set(id, [...before, attempt])
    } else if ('token' in entry) {
      const attempt = find(entry, entry.kind)
      if (attempt !== undefined) note(attempt, entry, violations)
    }
  }
  return { all, byJob, workers, violations }
}

function note(attempt: AttemptRecord, entry: Entry, violations: string[]): void {
  const { at, kind } = entry
  if (kind === 'settled' || kind === 'rescued' || kind === 'revoked') {
    const by = kind === 'settled' ? entry.as : kind
    const { over, id, token } = attempt
    if (over !== undefined) violations.push(`job ${id}: ${by} under token ${token} after ${over.by}: not fenced`)
    attempt.over ??= { at, by }
  } else if (kind === 'cancel requested') {
    attempt.cancelAskedAt ??= at
  } else if (kind === 'started') {
    attempt.starts += 1
    attempt.startedAt = at
    attempt.process = entry.process
    attempt.processor = entry.processor
  } else if (kind === 'ended') {
    attempt.endedAt = at
    attempt.how = entry.how
  } else if (kind === 'aborted') {
    attempt.abortedAt ??= at
  }
}
