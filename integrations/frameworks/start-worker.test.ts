import { liveHandlers, startWorker } from '@millrace/next'
import type { ProcessorHandlers } from 'millrace'
import { createTestQueue } from 'millrace/testing'
import type { TestQueue } from 'millrace/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'

interface Jobs {
  mail: { to: string }
  late: null
}

/** One worker for this file, as for a process; `next.test.ts` has it in real servers. */
describe('startWorker', () => {
  let t: TestQueue<Jobs>
  const said: string[] = []
  const warnings: string[] = []
  const onWarning = (message: string) => void warnings.push(message)
  const isSaid = (line: string) => vi.waitFor(() => expect(said).toContain(line), 15_000)
  const mail = (how: string) => ({ mail: async ({ to }: Jobs['mail']) => void said.push(`${how} ${to}`) })
  // The type `late` comes only with an edit.
  const handlers = mail('sent') as unknown as ProcessorHandlers<Jobs>

  beforeAll(async () => {
    t = await createTestQueue<Jobs>({ handlers })
  })
  afterEach(() => vi.unstubAllEnvs())
  afterAll(async () => {
    await (await startWorker(t.queue))?.stop()
    await t.close()
  })

  test('does nothing outside the Node.js runtime', async () => {
    vi.stubEnv('NEXT_RUNTIME', 'edge')
    expect(await startWorker(t.queue, { handlers, onWarning })).toBeNull()
    expect(warnings).toEqual([])
  })

  test('runs `onStart` once, tells its failure, and that Next would end the process first', async () => {
    vi.stubEnv('NEXT_RUNTIME', 'nodejs')
    vi.stubEnv('NEXT_MANUAL_SIG_HANDLE', '')
    const onStart = vi.fn<() => Promise<void>>(() => Promise.reject(new Error('no network')))
    const options = { handlers, onStart, onWarning }
    const worker = await startWorker(t.queue, options)
    expect(await startWorker(t.queue, options)).toBe(worker)
    expect(onStart).toHaveBeenCalledTimes(1)
    expect(warnings).toEqual([expect.stringContaining('NEXT_MANUAL_SIG_HANDLE=true'), 'onStart failed: no network'])
    await t.queue.addJob({ jobType: 'mail', payload: { to: 'ada' } })
    await isSaid('sent ada')
  })

  test('in development edited handlers take over, new types among them; elsewhere those it started with stay', async () => {
    const edited = { ...mail('posted'), late: async () => void said.push('late') }
    expect(liveHandlers(edited)).toBe(edited)
    await t.queue.addJob({ jobType: 'mail', payload: { to: 'bob' } })
    await isSaid('sent bob')
    vi.stubEnv('NODE_ENV', 'development')
    liveHandlers(edited)
    await t.queue.addJob({ jobType: 'mail', payload: { to: 'eve' } })
    await t.queue.addJob({ jobType: 'late', payload: null })
    await isSaid('posted eve')
    await isSaid('late')
    expect(said).not.toContain('sent eve')
  })
})
