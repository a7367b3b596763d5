import type { Backend } from './backend.ts'
import { textFormats } from './rows.ts'
import type { Scheduler } from './scheduler.ts'
import { decideUpkeep, isVacuumDue, type TableStatistics, type UpkeepLimits } from './upkeep.ts'
import { decodeAnswer } from './wire.ts'

/** A look takes about a millisecond; under load this makes it a few in a second at most. */
const LOOK_STATEMENTS = 1_000
const LOOK_MS = 10_000

/** Statistics are kept back for up to a second; asking for them writes them out at the end of the statement. */
const FLUSH_STATISTICS = 'select pg_stat_force_next_flush()'
const TABLES = `
select format('%I.%I', s.schemaname, s.relname), s.schemaname = 'pg_catalog', s.n_dead_tup::float8,
  s.n_live_tup::float8, s.n_mod_since_analyze::float8, age(c.relfrozenxid)
from pg_stat_all_tables s
join pg_class c on c.oid = s.relid
where c.relkind = 'r'
and s.schemaname <> 'pg_toast'
and (s.n_dead_tup > 0 or s.n_mod_since_analyze > 0 or age(c.relfrozenxid) > 100000000)`
const TOTALS = `
select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::float8,
  pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8
from pg_stat_user_tables`

interface UpkeepClockOptions {
  readonly backend: Backend
  readonly scheduler: Scheduler
  readonly limits: UpkeepLimits
  readonly onWarning: (message: string) => void
}

/** Row changes and bytes of log since the database was made; upkeep acts on the difference to an earlier look. */
interface Totals {
  readonly changes: number
  readonly wal: number
}

/** Runs upkeep between statements, never inside a transaction. Starts at once; `stop` ends it. */
export class UpkeepClock {
  readonly #options: UpkeepClockOptions
  readonly #timer: NodeJS.Timeout
  #steps: string[] = []
  /** Statements of the scheduler at the last tick and at the last look. */
  #tickStatements = 0
  #lookStatements = 0
  #lastStatementAt: number = Date.now()
  #lastLookAt: number = Date.now()
  #lastCheckpointAt: number = Date.now()
  /** Changes at the last vacuum, log at the last checkpoint, and both at the last look. */
  #vacuumed: number
  #checkpointed: number
  #seen: Totals

  constructor(options: UpkeepClockOptions) {
    this.#options = options
    this.#seen = this.#totals()
    this.#vacuumed = this.#seen.changes
    this.#checkpointed = this.#seen.wal
    this.#timer = setInterval(() => this.#tick(Date.now()), options.limits.everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#steps = []
  }

  #tick(now: number): void {
    const { scheduler } = this.#options
    if (scheduler.statementCount !== this.#tickStatements) {
      this.#tickStatements = scheduler.statementCount
      this.#lastStatementAt = now
    }
    if (!scheduler.isFree || this.#steps.length > 0 || !this.#isLookDue(now)) return
    this.#attempt(() => this.#look(now))
  }

  #isLookDue(now: number): boolean {
    const { scheduler, limits } = this.#options
    const unseen = scheduler.statementCount - this.#lookStatements
    if (unseen >= LOOK_STATEMENTS) return true
    const isIdle = now - this.#lastStatementAt >= limits.idleMs
    const isUnvacuumed = this.#seen.changes !== this.#vacuumed
    const isUnsaved = this.#seen.wal !== this.#checkpointed && now - this.#lastCheckpointAt >= limits.checkpointMs
    if (isUnsaved || (isIdle && (unseen > 0 || isUnvacuumed))) return true
    return unseen > 0 && now - this.#lastLookAt >= LOOK_MS
  }

  #look(now: number): void {
    const { scheduler, limits } = this.#options
    this.#lookStatements = scheduler.statementCount
    this.#lastLookAt = now
    this.#read(FLUSH_STATISTICS)
    this.#seen = this.#totals()
    // A dropped table takes its count along.
    if (this.#seen.changes < this.#vacuumed) this.#vacuumed = 0
    const condition = {
      tables: this.#read(TABLES).map(toStatistics),
      changes: this.#seen.changes - this.#vacuumed,
      idleMs: now - this.#lastStatementAt,
      walBytes: this.#seen.wal - this.#checkpointed,
      sinceCheckpointMs: now - this.#lastCheckpointAt,
    }
    this.#steps = decideUpkeep(condition, limits)
    if (isVacuumDue(condition, limits)) this.#vacuumed = this.#seen.changes
    this.#next()
  }

  /** One step per turn of the event loop, so that statements that have arrived come between. */
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
    this.#seen = this.#totals()
    this.#checkpointed = this.#seen.wal
  }

  #totals(): Totals {
    const [row] = this.#read(TOTALS)
    return { changes: Number(row?.[0]), wal: Number(row?.[1]) }
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
  const [name, isCatalog, deadRows, liveRows, changedSinceAnalyze, frozenAge] = row
  return {
    name: String(name),
    isCatalog: isCatalog === true,
    deadRows: Number(deadRows),
    liveRows: Number(liveRows),
    changedSinceAnalyze: Number(changedSinceAnalyze),
    frozenAge: Number(frozenAge),
  }
}
