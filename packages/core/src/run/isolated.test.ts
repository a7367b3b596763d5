import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MillraceError } from '../errors.ts'
import { systemClock } from '../model/clock.ts'
import type { JobHandler } from '../model/handler.ts'
import type { ClaimedJob } from '../store/claim.ts'
import type { ReportOptions } from '../store/settle.ts'
import { CLAIMED_JOB, forgetful } from '../testing/attempt-bench.ts'
import { turn } from '../testing/gate.ts'
import { startAttempt } from './attempt.ts'
import type { Attempt } from './attempt-contract.ts'
import { createHandlerEntry, type HandlerEntry, type ModuleHandler } from './handler-entry.ts'

const reports: ReportOptions[] = []

interface StartOptions extends Partial<ClaimedJob> {
  readonly entry?: Partial<HandlerEntry>
}

function start(handler: JobHandler | ModuleHandler, { entry, ...job }: StartOptions = {}): Attempt {
  reports.length = 0
  return startAttempt(
    { ...CLAIMED_JOB, payload: '{"n":20}', timeoutMs: 10_000, forceKillOnTimeout: true, ...job },
    { ...createHandlerEntry('email', handler), ...entry },
    {
      clock: systemClock,
      workerId: 'worker',
      workflow: forgetful(),
      report: (report) => {
        reports.push(report)
        return Promise.resolve('settled')
      },
    },
  )
}

function failure(message: string | RegExp, reason = 'handler_error'): unknown {
  const pattern = typeof message === 'string' ? new RegExp(`^${message}$`) : message
  return { kind: 'threw', reason, error: expect.objectContaining({ message: expect.stringMatching(pattern) }) }
}

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-isolated-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a forcefully killed handler', () => {
  it('runs in a thread of its own and gives its result back', async () => {
    const attempt = start(async (payload) => {
      const { isMainThread } = await import('node:worker_threads')
      return { payload, isMainThread, required: typeof require('node:fs').readFileSync }
    })
    expect(await attempt.outcome).toEqual({
      kind: 'returned',
      output: '{"payload":{"n":20},"isMainThread":false,"required":"function"}',
    })
  })

  it('may be a method', async () => {
    const handlers = {
      async email(payload: unknown) {
        return payload
      },
    }
    // oxlint-disable-next-line typescript/unbound-method -- As the processor takes it from the handlers' object.
    expect(await start(handlers.email).outcome).toEqual({ kind: 'returned', output: '{"n":20}' })
  })

  it('is stopped for certain when its time is up, also while it waits', async () => {
    const attempt = start(
      async (payload) => {
        const { appendFileSync } = await import('node:fs')
        for (;;) {
          appendFileSync((payload as { file: string }).file, 'x')
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      },
      { payload: JSON.stringify({ file: join(folder, 'written') }), timeoutMs: 300 },
    )
    expect(await attempt.outcome).toEqual(
      failure('Job timed out after 300 ms and was forcefully terminated', 'timeout'),
    )
    const written = readFileSync(join(folder, 'written'), 'utf8')
    const until = performance.now() + 50
    while (performance.now() < until) await turn()
    expect(readFileSync(join(folder, 'written'), 'utf8')).toBe(written)
  })

  it('is stopped for certain when it blocks its thread', async () => {
    const attempt = start(
      () => {
        for (;;);
      },
      { timeoutMs: 100 },
    )
    expect(await attempt.outcome).toEqual(
      failure('Job timed out after 100 ms and was forcefully terminated', 'timeout'),
    )
  })

  it('has a context that works over messages', async () => {
    const attempt = start(
      async (_payload, signal, { setProgress, setOutput, prolong, ...ctx }) => {
        prolong(20_000)
        await setProgress(33.4)
        const refused = await setProgress(101).catch((error: Error) => error.message)
        const timeout = (() => {
          try {
            return ctx.onTimeout(() => 1)
          } catch (error) {
            return (error as Error).message
          }
        })()
        const run = await ctx.run('a', () => 1)
        await setOutput({
          jobId: ctx.jobId,
          aborted: signal.aborted,
          created: ctx.createdAt.getTime(),
          refused,
          timeout,
          run,
        })
        return 'ignored'
      },
      { timeoutMs: 5_000 },
    )
    expect(await attempt.outcome).toEqual({ kind: 'returned', hasSteps: true })
    const outputs = reports.flatMap((report) => (report.output === undefined ? [] : [JSON.parse(report.output)]))
    expect(outputs).toEqual([
      {
        jobId: 7,
        aborted: false,
        created: Date.UTC(2026, 0, 1),
        refused: 'Progress must be between 0 and 100',
        timeout: expect.stringContaining('ctx.onTimeout() does not work in a worker thread'),
        run: 1,
      },
    ])
    expect(reports.map((report) => report.prolongedMs).filter((ms) => ms !== undefined)).toEqual([20_000])
    expect(reports.map((report) => report.progress).filter((percent) => percent !== undefined)).toEqual([33])
  })

  it('is ended after success although it left something open', async () => {
    const attempt = start(() => {
      setInterval(() => undefined, 1_000)
      return 'done'
    })
    expect(await attempt.outcome).toEqual({ kind: 'returned', output: '"done"' })
  })

  it('sees its signal fire, and may end by itself', async () => {
    const attempt = start(
      (_payload, signal, ctx) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
          void ctx.setProgress(1)
        }),
    )
    await reported()
    attempt.abort(new MillraceError('JOB_CANCELLED', 'stop'))
    expect(await attempt.outcome).toEqual({ kind: 'cancelled' })
  })

  it('is killed when it ignores a cancellation beyond the grace, or its lease is lost', async () => {
    const deaf: JobHandler = () => new Promise(() => undefined)
    const cancelled = start(deaf)
    cancelled.abort(new MillraceError('JOB_CANCELLED', 'stop'), 10)
    expect(await cancelled.outcome).toEqual({ kind: 'cancelled' })
    const lost = start(deaf)
    lost.abort(new MillraceError('LEASE_LOST', 'gone'))
    expect(await lost.outcome).toEqual({ kind: 'lost' })
  })

  it.each<readonly [string, JobHandler, string | RegExp]>([
    [
      'throws',
      () => thrown(new Error('broken')),
      /^thrown is not defined \(a handler that is forcefully terminated runs in a thread/,
    ],
    ['rejects', () => Promise.reject(new Error('broken')), 'broken'],
    ['leaves by itself', () => process.exit(3), 'Worker stopped with exit code 3'],
    ['has an error that nobody catches', () => new Promise(() => void setTimeout(() => JSON.parse('{'), 1)), /JSON/],
    ['returns a bigint', () => 1n, /^the output is no JSON: /],
    ['is bound', ((payload: unknown) => payload).bind(undefined), /contains native code/],
  ])('fails when it %s', async (_name, handler, message) => {
    expect(await start(handler).outcome).toEqual(failure(message))
  })

  it('fails with a clear error when it needs more memory than it is given', async () => {
    const attempt = start(
      () => {
        const kept: unknown[] = []
        for (;;) kept.push(Array.from({ length: 1_000 }, () => kept.length))
      },
      { entry: { resourceLimits: { maxOldGenerationSizeMb: 16 } } },
    )
    expect(await attempt.outcome).toEqual(failure(/memory limit/))
  })

  it('runs in the main thread as usual when the job has no time limit', async () => {
    const attempt = start(() => Promise.resolve(reports.length), { timeoutMs: null })
    expect(await attempt.outcome).toEqual({ kind: 'returned', output: '0' })
  })
})

describe('a module handler', () => {
  const module = new URL('../../test/fixtures/isolated-handlers.mjs', import.meta.url)

  it('is imported with everything it closes over', async () => {
    const attempt = start({ module }, { timeoutMs: null, forceKillOnTimeout: false })
    expect(await attempt.outcome).toEqual({ kind: 'returned', output: '{"calls":1,"payload":{"n":20}}' })
  })

  it('may give a verdict', async () => {
    expect(await start({ module, export: 'snoozing' }).outcome).toEqual({ kind: 'snoozed', delayMs: 1_500 })
    expect(await start({ module, export: 'hopeless' }).outcome).toMatchObject({
      kind: 'fatal',
      error: { message: 'never' },
    })
  })

  it('fails with the error it threw: name, code, stack and cause', async () => {
    const outcome = await start({ module, export: 'failing' }).outcome
    expect(outcome).toMatchObject({
      kind: 'threw',
      error: {
        name: 'TypeError',
        message: 'no account',
        code: 'NO_ACCOUNT',
        stack: expect.stringContaining('isolated-handlers.mjs'),
        cause: { message: '404' },
      },
    })
  })

  it('is killed when its time is up', async () => {
    const outcome = await start({ module, export: 'forever' }, { timeoutMs: 100 }).outcome
    expect(outcome).toEqual(failure('Job timed out after 100 ms and was forcefully terminated', 'timeout'))
  })

  it('fails when there is no such module or function', async () => {
    expect(await start({ module: './nowhere.mjs' }).outcome).toEqual(failure(/nowhere\.mjs/))
    expect(await start({ module, export: 'value' }).outcome).toEqual(failure(/exports no function named "value"/))
  })
})

async function reported(): Promise<void> {
  while (reports.length === 0) await turn()
}

function thrown(value: unknown): never {
  throw value
}
