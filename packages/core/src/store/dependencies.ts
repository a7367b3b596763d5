import type { DependencyCounts, JobDependency } from '../model/dependencies.ts'
import type { DatabaseClient } from './enqueue.ts'

/** Tells how the jobs stand that another depends on; with `db` on that connection, as its transaction sees them. */
export interface DependencyStore {
  /** What a job depends on by id, in the order given; empty for a job that depends on none, `null` for no job. */
  listDependencies(options: {
    readonly id: number
    readonly db?: DatabaseClient
  }): Promise<readonly JobDependency[] | null>
  /** How they stand, counted by the store; `null` for no job. */
  countDependencies(options: { readonly id: number; readonly db?: DatabaseClient }): Promise<DependencyCounts | null>
}
