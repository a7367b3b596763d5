import type { Clock } from '../model/clock.ts'
import type { Hooks } from '../observe/hooks.ts'
import type { Store } from '../store/store.ts'

export interface MaintenanceTask {
  readonly name: string
  /** Answers how many rows it concerned. */
  readonly work: (store: Store) => Promise<number>
}

export interface TaskSurroundings {
  readonly store: () => Promise<Store>
  readonly clock: Clock
  readonly hooks: Hooks
  readonly onError: (error: unknown) => void
}

/** Runs one task of housekeeping; what it throws is reported and counts as 0, so that the tasks after it still run. */
export async function runTask(
  task: MaintenanceTask,
  { store, clock, hooks, onError }: TaskSurroundings,
): Promise<number> {
  const startedAt = clock.now()
  let count = 0
  let failure: { readonly error: unknown } | undefined
  try {
    count = await task.work(await store())
  } catch (error) {
    failure = { error }
    onError(error)
  }
  if (hooks.isActive) {
    hooks.emit({ type: 'maintenance', task: task.name, count, durationMs: clock.now() - startedAt, ...failure })
  }
  return count
}
