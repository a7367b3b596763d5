import type { FailureGroup, Figures, JobQueue, JobRecord, LaneRecord, Pause, WorkerRecord } from 'millrace'

/** How things stand at one moment. */
export interface Look {
  readonly at: Date
  readonly figures: Figures
  /** Jobs that ended in each second since the look before; `null` for the first one, and where the store cannot tell. */
  readonly endedPerSecond: number | null
  readonly running: readonly JobRecord[]
  readonly lanes: readonly LaneRecord[]
  readonly pauses: readonly Pause[]
  readonly workers: readonly WorkerRecord[]
  readonly failures: readonly FailureGroup[]
}

const RUNNING = 100
const LANES = 20
/** Of the latest failures; causes are what is shown. */
const FAILURES = 200

/** Looks again and again, at a bounded cost each time. */
export class Looker {
  readonly #queue: JobQueue
  readonly #schema: string | null
  #before: { readonly at: number; readonly ended: number } | undefined

  /** @param schema - `null` where there is none, as on Redis. */
  constructor(queue: JobQueue, schema: string | null) {
    this.#queue = queue
    this.#schema = schema
  }

  async look(): Promise<Look> {
    const queue = this.#queue
    const [figures, running, lanes, pauses, workers, { groups }] = await Promise.all([
      queue.getFigures(),
      queue.getJobs({ status: 'processing' }, RUNNING),
      queue.getLanes({ limit: LANES }),
      queue.getPauses(),
      queue.getWorkers(),
      queue.getFailureGroups({ limit: FAILURES }),
    ])
    const endedPerSecond = this.#rate(await this.#ended(figures))
    return { at: new Date(), figures, endedPerSecond, running, lanes, pauses, workers, failures: groups }
  }

  /**
   * A count that grows with every job that ends. A server counts the rows that leave the table of live jobs, however many there
   * were; an embedded one does not, and history is counted only as far as that is cheap.
   */
  async #ended({ completed, failed, cancelled }: Figures): Promise<number | null> {
    const deleted = this.#schema === null ? 0 : await this.#deleted(this.#schema)
    if (deleted > 0) return deleted
    const all = [completed, failed, cancelled]
    return all.some(({ isEstimate }) => isEstimate) ? null : all.reduce((sum, { count }) => sum + count, 0)
  }

  async #deleted(schema: string): Promise<number> {
    const { rows } = await this.#queue.transaction((tx) => tx.query(DELETED, [schema]))
    return Number(rows[0]?.['deleted'] ?? 0)
  }

  #rate(ended: number | null): number | null {
    const before = this.#before
    const at = performance.now()
    this.#before = ended === null ? undefined : { at, ended }
    if (ended === null || before === undefined || at === before.at) return null
    return Math.max(0, ((ended - before.ended) * 1000) / (at - before.at))
  }
}

const DELETED = `select s.n_tup_del::text as deleted from pg_catalog.pg_stat_all_tables s where s.schemaname = $1 and s.relname = 'jobs'`
