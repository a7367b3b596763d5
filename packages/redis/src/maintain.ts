import type { MaintainStore } from 'millrace/store'
import { scripts } from './generated/lua.ts'
import type { RedisInstance } from './instance.ts'
import { integer, list } from './replies.ts'

export function maintainVerbs(instance: RedisInstance): MaintainStore {
  return {
    // A dead worker's row is all there is to find its jobs by, so a rescue leaves nothing that the minutes would select.
    reclaimStuck: async () => integer(await instance.run(scripts.reclaim)),
    async cleanupJobs({ daysToKeep, batch, status = 'completed' }) {
      if (status !== 'completed') return cleanupEnded(instance, status === 'failed' ? 'f' : 'c', [daysToKeep, batch])
      for (let total = 0; ;) {
        const count = integer(await instance.run(scripts.cleanup_jobs, [daysToKeep, batch]))
        total += count
        if (count === 0) return total
      }
    },
    async cleanupEvents({ daysToKeep, batch }) {
      for (let total = 0; ;) {
        const [looked, events] = list(await instance.run(scripts.cleanup_events, [daysToKeep, batch])).map(integer)
        total += events ?? 0
        if (looked === 0) return total
      }
    },
    async upkeep() {
      await instance.run(scripts.upkeep)
    },
  }
}

async function cleanupEnded(
  instance: RedisInstance,
  lane: 'f' | 'c',
  limits: readonly [number, number],
): Promise<number> {
  for (let total = 0, passedOver = 0; ;) {
    const [count = 0, kept = 0] = list(await instance.run(scripts.cleanup_ended, [lane, ...limits, passedOver])).map(
      integer,
    )
    total += count
    passedOver += kept
    if (count + kept === 0) return total
  }
}
