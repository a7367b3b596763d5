import { setTimeout as sleep } from 'node:timers/promises'
import { liveHandlers } from '@millrace/next'
import { initJobQueue } from 'millrace'
import type { JobQueue, ProcessorHandlers } from 'millrace'

interface Jobs {
  mail: { to: string; takesMs?: number }
}

// One queue for each process, however often Next loads this module.
const store: { millraceQueue?: JobQueue<Jobs> } = globalThis as object
export const queue: JobQueue<Jobs> = (store.millraceQueue ??= initJobQueue<Jobs>({
  databaseConfig: { connectionString: process.env['DATABASE_URL'] },
  leaseMs: Number(process.env['LEASE_MS'] ?? 30_000),
}))

export const handlers: ProcessorHandlers<Jobs> = liveHandlers({
  mail: async ({ to, takesMs = 0 }: Jobs['mail'], signal: AbortSignal) => {
    console.log(`started ${to}`)
    await sleep(takesMs, undefined, { signal })
    console.log(`sent ${to}`)
    return { to }
  },
})
