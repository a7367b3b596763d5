import type { LockDataSource } from './data-source.ts'
import { lockTable, rowsOf } from './data-source.ts'
import type { JobExecution } from './job-execution.ts'

/**
 * Extends the lock until its row has another status than `running`, or has been taken. A failure to reach the database is
 * passed over: the next beat may succeed, and if none does the lock runs out, as it must. The timer keeps no process alive.
 */
export function keepAlive(dataSource: LockDataSource, { id }: JobExecution, staleAfterMs: number): void {
  let isBeating = false
  const timer = setInterval(() => {
    if (isBeating) return
    isBeating = true
    beat(dataSource, id, staleAfterMs)
      .then((isHeld) => {
        if (!isHeld) clearInterval(timer)
      })
      .catch(() => undefined)
      .finally(() => {
        isBeating = false
      })
  }, staleAfterMs / 3)
  timer.unref()
}

async function beat(dataSource: LockDataSource, id: number, staleAfterMs: number): Promise<boolean> {
  // Closed by its owner: the lock ends with it.
  if (!dataSource.isInitialized) return false
  const answer = await dataSource.query(
    `update ${lockTable(dataSource)} set "expiresAt" = clock_timestamp() + $2::double precision * interval '1 ms'
     where id = $1 and status = 'running' returning id`,
    [id, staleAfterMs],
  )
  return rowsOf(answer).length > 0
}
