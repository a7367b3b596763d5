import { MillraceError } from '../errors.ts'
import { JobExecutionEntity, TABLE_NAME } from './job-execution.ts'

/** A query runner of TypeORM, as far as the lock uses it. */
export interface LockQueryRunner<Manager> {
  readonly manager: Manager
  connect(): Promise<unknown>
  startTransaction(): Promise<void>
  commitTransaction(): Promise<void>
  rollbackTransaction(): Promise<void>
  release(): Promise<void>
  query(text: string, values?: unknown[]): Promise<unknown>
}

/** A `DataSource` of TypeORM on PostgreSQL, by structure. */
export interface LockDataSource<Manager = unknown> {
  readonly options: { readonly type: string; readonly schema?: string | undefined }
  readonly isInitialized: boolean
  createQueryRunner(): LockQueryRunner<Manager>
  /** Where there is one, the entity says where the table is. */
  hasMetadata?(entity: unknown): boolean
  getMetadata?(entity: unknown): { readonly tablePath: string }
  query(text: string, values?: unknown[]): Promise<unknown>
}

/** The table of a data source's executions, as SQL names it: where its entity says, else in the schema it works in. */
export function lockTable(dataSource: LockDataSource): string {
  const entity = dataSource.hasMetadata?.(JobExecutionEntity) && dataSource.getMetadata?.(JobExecutionEntity)
  const { schema } = dataSource.options
  return quoted(entity ? entity.tablePath.split('.') : [...(schema ? [schema] : []), TABLE_NAME])
}

function quoted(path: readonly string[]): string {
  return path.map((name) => `"${name.replaceAll('"', '""')}"`).join('.')
}

/** A row, as the driver answers it. */
export type LockRow = Readonly<Record<string, unknown>>

/**
 * The rows of a statement that returns some. TypeORM answers `[rows, count]` for an update or a delete, and the rows themselves
 * for the others.
 */
export function rowsOf(answer: unknown): LockRow[] {
  if (!Array.isArray(answer)) return []
  const [first] = answer
  const rows: unknown[] = answer.length === 2 && Array.isArray(first) && typeof answer[1] === 'number' ? first : answer
  return rows.filter((row): row is LockRow => typeof row === 'object' && row !== null)
}

/** @throws MillraceError `OPTION_INVALID` for a data source that is not on PostgreSQL or not initialized */
export function checkDataSource(dataSource: LockDataSource): void {
  const { type } = dataSource.options
  if (type !== 'postgres') {
    throw refused(`is on ${JSON.stringify(type)}`, 'Pass a DataSource of type "postgres"')
  }
  if (!dataSource.isInitialized) throw refused('is not initialized', 'Await `dataSource.initialize()` first')
}

function refused(what: string, remedy: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `The data source of the job lock ${what}. ${remedy}.`, {
    details: { field: 'dataSource', remedy },
  })
}
