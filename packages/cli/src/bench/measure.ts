import type { JobQueue } from 'millrace'

/** What to measure with. */
export interface BenchPlan {
  readonly jobs: number
  readonly concurrency: number
  readonly signal: AbortSignal
}

/** In milliseconds. */
export interface Latency {
  readonly samples: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

export interface Rate {
  readonly jobs: number
  readonly perSecond: number
}

export interface BenchFigures {
  /** A transaction that reads nothing, and one that writes a row: what no queue on this database is faster than. */
  readonly transaction: { readonly empty: Latency; readonly writing: Latency }
  readonly add: { readonly single: Rate; readonly batch: Rate & { readonly batchSize: number } }
  readonly drain: Rate & { readonly concurrency: number }
  /** From the call of `addJob` to the first line of the handler, in this process, while nothing else runs. */
  readonly addToStart: Latency
}

export const BATCH = 500
const SAMPLES = 200
/** One after the other; more would take long where a commit does. */
const SINGLE_ADDS = 500
const TYPE = 'bench'

/** One measurement after the other. @throws whatever `signal` aborts with. */
export async function measure(queue: JobQueue, plan: BenchPlan): Promise<BenchFigures> {
  const transaction = await measureTransactions(queue, plan.signal)
  const single = await measureSingleAdds(queue, plan)
  const batch = await measureBatches(queue, plan)
  const drain = await measureDrain(queue, { ...plan, jobs: single.jobs + batch.jobs })
  const addToStart = await measureAddToStart(queue, plan.signal)
  return { transaction, add: { single, batch: { ...batch, batchSize: BATCH } }, drain, addToStart }
}

async function measureTransactions(queue: JobQueue, signal: AbortSignal): Promise<BenchFigures['transaction']> {
  const times = async (statement: string): Promise<Latency> => {
    const taken: number[] = []
    while (taken.length < SAMPLES) {
      signal.throwIfAborted()
      const begunAt = performance.now()
      await queue.transaction((tx) => tx.query(statement))
      taken.push(performance.now() - begunAt)
    }
    return latencyOf(taken)
  }
  const empty = await times('select 1')
  // A number of a transaction is only given out to what writes; with it the commit waits for the disk as a row would make it.
  const writing = await times("select pg_logical_emit_message(true, 'bench', repeat('x', 100))")
  return { empty, writing }
}

async function measureSingleAdds(queue: JobQueue, { jobs, signal }: BenchPlan): Promise<Rate> {
  const count = Math.min(jobs, SINGLE_ADDS)
  const begunAt = performance.now()
  for (let n = 0; n < count; n++) {
    signal.throwIfAborted()
    await queue.addJob({ jobType: TYPE, payload: { n } })
  }
  return rateOf(count, begunAt)
}

async function measureBatches(queue: JobQueue, { jobs, signal }: BenchPlan): Promise<Rate> {
  const begunAt = performance.now()
  for (let added = 0; added < jobs; added += BATCH) {
    signal.throwIfAborted()
    const size = Math.min(BATCH, jobs - added)
    await queue.addJobs(Array.from({ length: size }, (_, n) => ({ jobType: TYPE, payload: { n: added + n } })))
  }
  return rateOf(jobs, begunAt)
}

async function measureDrain(queue: JobQueue, { jobs, concurrency, signal }: BenchPlan): Promise<BenchFigures['drain']> {
  const processor = queue.createProcessor({ [TYPE]: () => null }, { concurrency })
  let completed = 0
  let abort = (): void => undefined
  const done = new Promise<void>((resolve, reject) => {
    abort = () => reject(reasonOf(signal))
    queue.on('job:completed', () => {
      completed += 1
      if (completed === jobs) resolve()
    })
  })
  signal.throwIfAborted()
  signal.addEventListener('abort', abort)
  try {
    const begunAt = performance.now()
    processor.startInBackground()
    await done
    return { ...rateOf(jobs, begunAt), concurrency }
  } finally {
    signal.removeEventListener('abort', abort)
    queue.removeAllListeners('job:completed')
    await processor.stopAndDrain()
  }
}

interface Waiting {
  resolve(at: number): void
  reject(reason: Error): void
}

async function measureAddToStart(queue: JobQueue, signal: AbortSignal): Promise<Latency> {
  let waiting: Waiting | undefined
  const handler = (): void => waiting?.resolve(performance.now())
  const processor = queue.createProcessor({ [TYPE]: handler }, { concurrency: 1 })
  const abort = (): void => waiting?.reject(reasonOf(signal))
  signal.addEventListener('abort', abort)
  const taken: number[] = []
  try {
    processor.startInBackground()
    while (taken.length < SAMPLES) {
      signal.throwIfAborted()
      const begins = new Promise<number>((resolve, reject) => (waiting = { resolve, reject }))
      // The next one is added when this one runs: what is measured is not a queue.
      const begunAt = performance.now()
      const [at] = await Promise.all([begins, queue.addJob({ jobType: TYPE, payload: {} })])
      taken.push(at - begunAt)
    }
    return latencyOf(taken)
  } finally {
    signal.removeEventListener('abort', abort)
    await processor.stopAndDrain()
  }
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason))
}

function rateOf(jobs: number, begunAt: number): Rate {
  return { jobs, perSecond: Math.round(jobs / ((performance.now() - begunAt) / 1000)) }
}

/** By the nearest rank. */
export function latencyOf(taken: readonly number[]): Latency {
  const sorted = taken.toSorted((one, other) => one - other)
  const at = (share: number): number => rounded(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
  return { samples: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
