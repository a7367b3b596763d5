import { describe, expect, test, vi } from 'vitest'
import { createGate } from '../../src/testing/gate.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

describe.skipIf(!hasServer)('explain', () => {
  const api = useApi('api_explain')

  test('a handler that waits says for what', async () => {
    const token = await api.queue.createToken()
    const forToken = await api.queue.addJob({ jobType: 'token', payload: {} })
    const forSignal = await api.queue.addJob({ jobType: 'signal', payload: {} })
    const forTime = await api.queue.addJob({ jobType: 'time', payload: {} })
    await api.run({
      token: (_payload, _signal, ctx) => ctx.waitForToken(token.id),
      signal: (_payload, _signal, ctx) => ctx.waitForSignal('paid'),
      time: (_payload, _signal, ctx) => ctx.waitFor({ hours: 1 }),
    })
    expect((await api.queue.explain(forToken)).reasons[0]).toEqual({
      kind: 'waiting_for',
      awaited: [token.id],
      until: null,
    })
    expect((await api.queue.explain(forSignal)).text).toContain('signal:paid')
    expect((await api.queue.explain(forTime)).reasons[0]).toMatchObject({ kind: 'waiting_for_time' })
  })

  test('a job that began under a version of its handler says so', async () => {
    const id = await api.queue.addJob({ jobType: 'mail', payload: {} })
    const handlers = { mail: { version: 3, handler: () => Promise.reject(new Error('no')) } }
    await api.queue.createProcessor(handlers, { heartbeat: 'main' }).start()
    await api.queue.retryJob(id)
    expect((await api.queue.explain(id)).text).toContain('under version 3')
  })

  test('the error of the last attempt is told, also when something was noted since', async () => {
    const id = await api.queue.addJob({ jobType: 'mail', payload: {} })
    await api.run({ mail: () => Promise.reject(new Error('no mail server')) })
    await api.queue.editJob(id, { priority: 3 })
    expect((await api.queue.explain(id)).text).toContain('Attempt 1 of 3 failed (no mail server)')
  })

  test('a long queue is counted so far and no further', async () => {
    await api.queue.addJobs(Array.from({ length: 1100 }, () => ({ jobType: 'mail', payload: {} })))
    const id = await api.queue.addJob({ jobType: 'mail', payload: {} })
    const { reasons } = await api.queue.explain(id)
    expect(reasons.at(-1)).toEqual({ kind: 'queued', ahead: 1000, isMore: true, priority: 0 })
  })

  test('while it runs it names the worker, and afterwards the end', async () => {
    const gate = createGate()
    const id = await api.queue.addJob({ jobType: 'mail', payload: {} })
    const processor = api.queue.createProcessor({ mail: () => gate.promise }, { heartbeat: 'main', workerId: 'me' })
    const running = processor.start()
    await vi.waitFor(async () =>
      expect((await api.queue.explain(id)).reasons).toMatchObject([{ kind: 'running', workerId: 'me' }]),
    )
    gate.open()
    await running
    expect((await api.queue.explain(id)).text).toMatch(/^It completed at \d{4}-/)
    await expect(api.queue.explain(0)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})
