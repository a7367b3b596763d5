import type { DependencyCounts, JobDependency } from '../model/dependencies.ts'

/** Tells how the jobs stand that another depends on. */
export interface DependencyStore {
  /** What a job depends on by id, in the order given; empty for a job that depends on none, `null` for no job. */
  listDependencies(options: { readonly id: number }): Promise<readonly JobDependency[] | null>
  /** How they stand, counted by the store; `null` for no job. */
  countDependencies(options: { readonly id: number }): Promise<DependencyCounts | null>
}
