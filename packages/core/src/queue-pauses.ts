import {
  type Pause,
  type PauseOptions,
  type PauseScope,
  validatePauseOptions,
  validatePauseScope,
} from './model/pause.ts'
import type { QueueCore } from './queue-core.ts'

/** Methods of a queue that keep jobs from starting, and let them start again. */
export interface PauseMethods {
  /**
   * Pauses the jobs that have this type, queue or group, and tenant; `{}` pauses everything. From then on no worker of any
   * process claims one. What runs already runs on, and so does what a worker has fetched ahead, which starts within a moment.
   * Paused before under the same scope: the options are replaced.
   */
  pause(scope: PauseScope, options?: PauseOptions): Promise<void>
  /**
   * Ends the pause made with the same scope; its jobs go on in the order they had. False: it was not paused. A job that two
   * pauses cover goes on when both have ended.
   */
  resume(scope: PauseScope): Promise<boolean>
  /** What is paused now, oldest first. */
  getPauses(): Promise<Pause[]>
}

export function pauseMethods({ store, wake }: QueueCore): PauseMethods {
  return {
    async pause(scope, options) {
      const pause = { scope: validatePauseScope(scope), options: validatePauseOptions(options) }
      await (await store()).pause(pause)
    },
    async resume(scope) {
      const paused = { scope: validatePauseScope(scope) }
      const isResumed = await (await store()).resume(paused)
      if (isResumed) wake({ kind: 'ready', priorities: [] })
      return isResumed
    },
    getPauses: async () => [...(await (await store()).listPauses())],
  }
}
