import type { Backend } from './backend.ts'
import { textFormats } from './rows.ts'
import type { Scheduler } from './scheduler.ts'
import { decideUpkeep, type TableStatistics, type UpkeepLimits } from './upkeep.ts'
import { decodeAnswer } from './wire.ts'

const LOOK_STATEMENTS = 1_000
const LOOK_MS = 10_000

/** Statistics are kept back for up to a second; asking for them writes them out at the end of the statement. */
const FLUSH_STATISTICS = 'select pg_stat_force_next_flush()'
const TABLES = `
select format('%I.%I', s.schemaname, s.relname), s.schemaname = 'pg_catalog',
  (s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::float8, s.n_dead_tup::float8, s.n_live_tup::float8,
  s.n_mod_since_analyze::float8, age(c.relfrozenxid)
from pg_stat_all_tables s
join pg_class c on c.oid = s.relid
where c.relkind = 'r'
and s.schemaname <> 'pg_toast'
and (s.n_dead_tup > 0 or s.n_mod_since_analyze > 0 or age(c.relfrozenxid) > 100000000)`
const WAL = `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8`

interface UpkeepClockOptions {
  readonly backend: Backend
  readonly scheduler: Scheduler
  readonly limits: UpkeepLimits
  readonly onWarning: (message: string) => void
}

/** Runs upkeep between statements, never inside a transaction. Starts at once; `stop` ends it. */
export class UpkeepClock {
  readonly #options: UpkeepClockOptions
  readonly #timer: NodeJS.Timeout
  #steps: string[] = []
  #seenStatements = 0
  #lastStatementCount = 0
  #lastStatementAt: number = Date.now()
  #lastLookAt: number = Date.now()
  #lastCheckpointAt: number = Date.now()
  /** Position of the log at the last checkpoint; `NaN` until the first look. */
  #checkpointedWal = Number.NaN
  /** Changes already counted, by table; a vacuum round starts the count anew. */
  #baseline = 0
  #isPending = false

  constructor(options: UpkeepClockOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#tick(Date.now()), options.limits.everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#steps = []
  }

  #tick(now: number): void {
    const { scheduler, limits } = this.#options
    if (scheduler.statementCount !== this.#lastStatementCount) {
      this.#lastStatementCount = scheduler.statementCount
      this.#lastStatementAt = now
    }
    if (!scheduler.isFree || this.#steps.length > 0) return
    const unseen = scheduler.statementCount - this.#seenStatements
    const isStale = unseen > 0 && now - this.#lastLookAt >= Math.min(LOOK_MS, limits.idleMs)
    const isSettled = this.#isPending && now - this.#lastStatementAt >= limits.idleMs
    const isAged = this.#isPending && now - this.#lastCheckpointAt >= limits.checkpointMs
    if (unseen < LOOK_STATEMENTS && !isStale && !isSettled && !isAged) return
    this.#attempt(() => this.#look(now))
  }

  #look(now: number): void {
    const { scheduler, limits } = this.#options
    this.#seenStatements = scheduler.statementCount
    this.#lastLookAt = now
    this.#read(FLUSH_STATISTICS)
    const tables = this.#read(TABLES).map(toStatistics)
    const wal = Number(this.#read(WAL)[0]?.[0])
    if (Number.isNaN(this.#checkpointedWal)) this.#checkpointedWal = 0
    const changes = tables.reduce((sum, table) => sum + (table.isCatalog ? 0 : table.changes), 0)
    // Tables that were vacuumed or dropped no longer report; a smaller sum than before is a new count.
    if (changes < this.#baseline) this.#baseline = 0
    const condition = {
      tables,
      changes: changes - this.#baseline,
      idleMs: now - this.#lastStatementAt,
      walBytes: wal - this.#checkpointedWal,
      sinceCheckpointMs: now - this.#lastCheckpointAt,
    }
    this.#steps = decideUpkeep(condition, limits)
    if (this.#steps.some((step) => step !== 'checkpoint') || condition.idleMs >= limits.idleMs) this.#baseline = changes
    this.#isPending = condition.changes > 0 || condition.walBytes > 0
    if (condition.idleMs >= limits.idleMs && !this.#steps.includes('checkpoint')) this.#isPending = condition.walBytes > 0
    this.#next()
  }

  /** One step per turn of the event loop, so that statements that have arrived come first. */
  #next(): void {
    if (this.#steps.length === 0) return
    setImmediate(() => {
      if (!this.#options.scheduler.isFree) return void setTimeout(() => this.#next(), 20)
      const step = this.#steps.shift()
      if (step === undefined) return
      this.#attempt(() => this.#runStep(step))
      this.#next()
    })
  }

  #runStep(step: string): void {
    this.#read(step)
    if (step !== 'checkpoint') return
    this.#lastCheckpointAt = Date.now()
    this.#checkpointedWal = Number(this.#read(WAL)[0]?.[0])
    this.#isPending = false
  }

  #read(text: string): unknown[][] {
    const answer = decodeAnswer(this.#options.backend.run(text, [], false).bytes, textFormats)
    if (answer.error !== null) throw answer.error
    return answer.rows
  }

  /** A table may be dropped between the look and the step; upkeep that fails is tried again at the next look. */
  #attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#options.onWarning(`Upkeep of the embedded database failed: ${String(error)}`)
    }
  }
}

function toStatistics(row: readonly unknown[]): TableStatistics {
  const [name, isCatalog, changes, deadRows, liveRows, changedSinceAnalyze, frozenAge] = row
  return {
    name: String(name),
    isCatalog: isCatalog === true,
    changes: Number(changes),
    deadRows: Number(deadRows),
    liveRows: Number(liveRows),
    changedSinceAnalyze: Number(changedSinceAnalyze),
    frozenAge: Number(frozenAge),
  }
}
