/**
 * What PostgreSQL's background processes would do, of which PGlite has none: vacuum, analyse, checkpoint. Deciding is
 * pure; `UpkeepClock` looks at the statistics and runs one short step at a time between statements.
 */

/** When upkeep is due. The defaults keep each stall to some tens of milliseconds on a queue's tables. */
export interface UpkeepLimits {
  /** Row changes after which tables are vacuumed. Default 20,000. */
  readonly rowChanges: number
  /** Without statements for this long, pending changes are vacuumed whatever their number, in milliseconds. Default 60,000. */
  readonly idleMs: number
  /** Log written after which a checkpoint is made, in bytes. Default 32 MiB: what recovery has to read at most. */
  readonly walBytes: number
  /** The longest time between a write and its checkpoint, in milliseconds. Default 300,000. */
  readonly checkpointMs: number
  /** How often to look, in milliseconds. Default 1,000. */
  readonly everyMs: number
}

export const DEFAULT_UPKEEP: UpkeepLimits = {
  rowChanges: 20_000,
  idleMs: 60_000,
  walBytes: 32 * 1024 * 1024,
  checkpointMs: 300_000,
  everyMs: 1_000,
}

/** The statistics of one table. `name` is quoted and schema-qualified. */
export interface TableStatistics {
  readonly name: string
  readonly isCatalog: boolean
  readonly deadRows: number
  readonly liveRows: number
  readonly changedSinceAnalyze: number
  readonly frozenAge: number
}

/** What a look at the database found. */
export interface Condition {
  readonly tables: readonly TableStatistics[]
  /** Row changes since tables were last vacuumed. */
  readonly changes: number
  readonly idleMs: number
  readonly walBytes: number
  readonly sinceCheckpointMs: number
}

/** Past this age of its oldest transaction a table is frozen; PostgreSQL stops taking writes at 2 billion. */
const FREEZE_AGE = 150_000_000
/** Fewer dead rows are not worth reading a table for. */
const LEAST_ROWS_BUSY = 500
const LEAST_ROWS_IDLE = 50
/** A catalog gets dead rows from making and dropping partitions, not from every job. */
const CATALOG_DEAD_ROWS = 1_000

/** Whether tables are to be vacuumed now: enough has changed, or something has and nobody is waiting. */
export function isVacuumDue({ changes, idleMs }: Condition, limits: UpkeepLimits): boolean {
  return changes >= limits.rowChanges || (changes > 0 && idleMs >= limits.idleMs)
}

/** The statements that are due, one table or one checkpoint each, in the order to run them. */
export function decideUpkeep(condition: Condition, limits: UpkeepLimits): string[] {
  const leastRows = condition.idleMs >= limits.idleMs ? LEAST_ROWS_IDLE : LEAST_ROWS_BUSY
  const steps = isVacuumDue(condition, limits) ? condition.tables.flatMap((table) => tableSteps(table, leastRows)) : []
  const freezes = condition.tables
    .filter((table) => table.frozenAge > FREEZE_AGE)
    .map((table) => `vacuum (freeze) ${table.name}`)
  const isWalDue = condition.walBytes >= limits.walBytes
  const isTimeDue = condition.walBytes > 0 && condition.sinceCheckpointMs >= limits.checkpointMs
  return [...steps, ...freezes, ...(isWalDue || isTimeDue ? ['checkpoint'] : [])]
}

/** Vacuum and analyse are two steps, so that other statements can come between. */
function tableSteps(table: TableStatistics, leastRows: number): string[] {
  const leastDead = table.isCatalog ? CATALOG_DEAD_ROWS : leastRows
  const steps = table.deadRows >= leastDead ? [`vacuum ${table.name}`] : []
  const leastChanged = Math.max(leastRows, table.liveRows / 10)
  return !table.isCatalog && table.changedSinceAnalyze >= leastChanged ? [...steps, `analyze ${table.name}`] : steps
}
