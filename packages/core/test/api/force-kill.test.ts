import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInThisContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JobHandler } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 12: `forceKillOnTimeout` runs the handler in a thread that really ends.

describe.skipIf(!hasServer)('forceKillOnTimeout', () => {
  const api = useApi('api_force_kill')
  const add = (payload: unknown, options: object = {}): Promise<number> =>
    api.queue.addJob({
      jobType: 'work',
      payload,
      timeoutMs: 20_000,
      forceKillOnTimeout: true,
      maxAttempts: 1,
      ...options,
    })
  const message = async (id: number): Promise<string | undefined> => (await api.job(id)).errorHistory[0]?.message

  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-kill-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  // The text of a handler is rebuilt in a thread that has nothing of this file, and not what a test runner adds to it either.
  const fromText = (text: string): JobHandler => runInThisContext(`(${text})`) as JobHandler

  it('makes what the handler returns the output', async () => {
    const id = await add({ a: 2, b: 3 })
    await api.run({ work: fromText('async ({ a, b }) => ({ sum: a + b })') })
    expect(await api.job(id)).toMatchObject({ status: 'completed', output: { sum: 5 } })
  })

  it('runs the handler in a thread of its own', async () => {
    const id = await add({})
    await api.run({ work: fromText("async () => (await import('node:worker_threads')).isMainThread") })
    expect((await api.job(id)).output).toBe(false)
  })

  it('runs the handler as always without a time limit', async () => {
    await add({}, { timeoutMs: undefined })
    let isHere = false
    await api.run({
      work: () => {
        isHere = true
      },
    })
    expect(isHere).toBe(true)
  })

  it('gives the handler a working context', async () => {
    const id = await add({})
    await api.run({
      work: fromText(
        'async (payload, signal, ctx) => { await ctx.setProgress(40); await ctx.setOutput([ctx.jobId, ctx.attempt, signal.aborted]) }',
      ),
    })
    expect(await api.job(id)).toMatchObject({ status: 'completed', progress: 40, output: [id, 1, false] })
  })

  it('ends a handler that blocks its event loop', async () => {
    const id = await add({}, { timeoutMs: 300 })
    await api.run({ work: fromText('() => { for (;;); }') })
    expect(await api.job(id)).toMatchObject({ status: 'failed', failureReason: 'timeout' })
    expect(await message(id)).toBe('Job timed out after 300 ms and was forcefully terminated')
  })

  it('ends an asynchronous handler: it writes nothing once the job has failed', async () => {
    const file = join(folder, 'lines')
    const id = await add({ file }, { timeoutMs: 400 })
    const handler = fromText(`async ({ file }) => {
      const { appendFileSync } = await import('node:fs')
      for (;;) {
        appendFileSync(file, 'line\\n')
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }`)
    await api.run({ work: handler })
    const written = readFileSync(file, 'utf8')
    expect((await api.job(id)).failureReason).toBe('timeout')
    rmSync(file)
    // Had the first thread lived on, it would have made the file again while another one starts, works and ends.
    await add({})
    await api.run({ work: fromText('async () => undefined') })
    expect(written.length).toBeGreaterThan(0)
    expect(existsSync(file)).toBe(false)
  })

  it('counts an error of the handler as its own', async () => {
    const id = await add({})
    await api.run({ work: fromText("() => { throw new RangeError('too far') }") })
    expect(await api.job(id)).toMatchObject({ status: 'failed', failureReason: 'handler_error' })
    expect((await api.job(id)).errorHistory[0]).toMatchObject({ message: 'too far', name: 'RangeError' })
  })

  it('reports a thread that exits by itself', async () => {
    const id = await add({})
    await api.run({ work: fromText('() => process.exit(3)') })
    expect((await api.job(id)).failureReason).toBe('handler_error')
    expect(await message(id)).toContain('Worker stopped with exit code 3')
  })

  it('refuses a handler that uses `this`', async () => {
    const id = await add({})
    await api.run({ work: fromText('function () { return this.value }') })
    expect((await api.job(id)).failureReason).toBe('handler_error')
    expect(await message(id)).toContain(`Handler for job type "work" uses 'this' context which cannot be serialized.`)
  })

  it('refuses a bound handler, which has no text', async () => {
    const id = await add({})
    await api.run({ work: ((payload: unknown) => payload).bind(null) })
    expect(await message(id)).toContain('contains native code')
  })

  it('takes a method in shorthand', async () => {
    const id = await add({})
    await api.run(fromText("{ async work() { return 'shorthand' } }") as never)
    expect((await api.job(id)).output).toBe('shorthand')
  })

  it('takes a handler named by its module', async () => {
    const id = await add({ n: 1 })
    const module = new URL('../fixtures/isolated-handlers.mjs', import.meta.url)
    await api.queue.createProcessor({ work: { module } }, { heartbeat: 'main' }).start()
    expect(await api.job(id)).toMatchObject({ status: 'completed', output: { calls: 1, payload: { n: 1 } } })
  })
})
