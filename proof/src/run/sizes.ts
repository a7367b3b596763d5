import { SCHEMA, type Database } from './database.ts'

/** Bytes on disk, with indexes. */
export interface Sizes {
  /** Of everything but the history: what claims and settlements touch. */
  readonly liveTables: number
  readonly liveIndexes: number
  /** Of finished jobs, which grow with their number until retention drops them. */
  readonly history: number
}

export async function sizesOf(database: Database): Promise<Sizes> {
  const [row] = await database.sql(
    `select coalesce(sum(pg_table_size(c.oid)) filter (where not is_history), 0) as tables,
       coalesce(sum(pg_indexes_size(c.oid)) filter (where not is_history), 0) as indexes,
       coalesce(sum(pg_total_relation_size(c.oid)) filter (where is_history), 0) as history
     from (select oid, relname like 'finished_jobs%' as is_history from pg_class
       where relnamespace = $1::regnamespace and relkind = 'r') c`,
    [SCHEMA],
  )
  return {
    liveTables: Number(row?.['tables']),
    liveIndexes: Number(row?.['indexes']),
    history: Number(row?.['history']),
  }
}

/** What has grown beyond `factor` times what it was, and by more than a few pages. */
export function outgrown(before: Sizes, after: Sizes, factor: number): readonly string[] {
  const kinds = ['liveTables', 'liveIndexes'] as const
  return kinds
    .filter((kind) => after[kind] > before[kind] * factor)
    .map((kind) => `${kind} grew from ${before[kind]} to ${after[kind]} bytes, more than ${factor} times`)
}
