import { initJobQueue } from 'millrace'
import { describe, expect, test } from 'vitest'
import { startProgram, temporaryFolder, until } from './members.ts'

/** Nearly twice the lease of `programs/blocking.mjs`. */
const BLOCK_MS = 9_000

describe('a handler that blocks the event loop for longer than the lease keeps its job', () => {
  test.each([
    ['in the process that runs the database', 'owner'],
    ['in one that uses it', 'client'],
  ] as const)('%s', { timeout: 60_000 }, async (_where, role) => {
    const dataDir = temporaryFolder()
    const started: number[] = []
    const failures: string[] = []
    const grow = async (): Promise<void> => {
      const { child } = await startProgram('blocking.mjs', dataDir)
      child.on('message', (message: { readonly started?: number; readonly failed?: string }) => {
        if (message.started !== undefined) started.push(message.started)
        if (message.failed !== undefined) failures.push(message.failed)
      })
    }
    // Whoever comes first runs the database. The job must be taken before there is another worker.
    if (role === 'owner') await grow()
    const queue = initJobQueue({ backend: 'pglite', dataDir })
    try {
      await queue.ready()
      if (role === 'client') await grow()
      const id = await queue.addJob({ jobType: 'block', payload: { ms: BLOCK_MS } })
      await until(() => started.length > 0)
      await grow()
      await until(async () => (await queue.getJob(id))?.status === 'completed', 40_000)
      expect(started).toHaveLength(1)
      expect(failures).toEqual([])
      expect(await queue.getJob(id)).toMatchObject({ attempts: 1, errorHistory: [] })
    } finally {
      await queue.close()
    }
  })
})
