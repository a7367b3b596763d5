import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isMillraceError, type JobContext, type JobHandler, type JobQueue } from '../../src/index.ts'
import { hasServer, serverUrl, useApi } from '../support/api-queue.ts'
import { createGate } from '../../src/testing/gate.ts'
import { poll } from '../support/poll.ts'

// Beyond seed 003: steps and completions that commit together with what the handler writes.

describe.skipIf(!hasServer)('transactions of handlers', () => {
  const api = useApi('api_handler_transactions')
  const onError = (): void => undefined
  const codeOf = (error: unknown): string => (isMillraceError(error) ? error.code : String(error))
  const add = (options: object = {}): Promise<number> =>
    api.queue.addJob({ jobType: 'work', payload: null, retryDelay: 0, ...options })
  const written = async (): Promise<unknown[]> =>
    (await api.sql('select name from :schema.test_rows order by name')).map(({ name }) => name)
  const write = (name: string): string => `insert into api_handler_transactions.test_rows values ('${name}')`
  const codeWithin = async (call: (ctx: JobContext, queue: JobQueue) => Promise<unknown>): Promise<string> => {
    let code = 'none'
    await api.run({
      work: (_payload, _signal, ctx) =>
        ctx.transaction(async () => {
          await call(ctx, api.queue).catch((error: unknown) => (code = codeOf(error)))
        }),
    })
    return code
  }

  beforeEach(() => api.sql('create table :schema.test_rows (name text not null)'))
  afterEach(() => api.sql('drop table :schema.test_rows'))

  it('`runTx` commits its writes with its result, once', async () => {
    const id = await add()
    const results: unknown[] = []
    const work: JobHandler = async (_payload, _signal, ctx) => {
      const result = await ctx.runTx('write', async (tx, { tryNumber }) => {
        const { rowCount } = await tx.query(write('a'))
        return { rowCount, tryNumber }
      })
      results.push(result)
      if (ctx.attempt === 1) throw new Error('again')
    }
    for (let n = 0; n < 2; n++) await api.run({ work }, { onError })
    expect(results).toEqual([
      { rowCount: 1, tryNumber: 1 },
      { rowCount: 1, tryNumber: 1 },
    ])
    expect(await written()).toEqual(['a'])
    expect(await api.queue.getJobSteps(id)).toMatchObject([{ name: 'write', kind: 'step', status: 'done', tries: 1 }])
  })

  it('`runTx` rolls back when its function rejects, takes longer than `timeoutMs`, or returns what cannot be stored', async () => {
    const id = await add()
    const codes: string[] = []
    const caught = (error: unknown): void => void codes.push(codeOf(error))
    await api.run({
      work: async (_payload, _signal, ctx) => {
        await ctx
          .runTx('rejects', async (tx) => {
            await tx.query(write('rejects'))
            throw new Error('no')
          })
          .catch(caught)
        await ctx
          .runTx('slow', (tx) => tx.query(`${write('slow')}; select pg_sleep(5)`), { timeoutMs: 50 })
          .catch(caught)
        await ctx
          .runTx('bad', async (tx) => {
            await tx.query(write('bad'))
            return () => 1
          })
          .catch(caught)
        const result = await ctx.runTx(
          'retried',
          async (tx, { tryNumber }) => {
            await tx.query(write(`try ${tryNumber}`))
            if (tryNumber === 1) throw new Error('once')
            return tryNumber
          },
          { retry: { attempts: 2, delayMs: 0 } },
        )
        expect(result).toBe(2)
      },
    })
    expect(codes).toEqual(['Error: no', 'TRANSACTION_TIMEOUT', 'STEP_RESULT_INVALID'])
    expect(await written()).toEqual(['try 2'])
    const steps = await api.queue.getJobSteps(id)
    expect(steps.map(({ name, status }) => [name, status])).toEqual([
      ['rejects', 'failed'],
      ['slow', 'failed'],
      ['bad', 'failed'],
      ['retried', 'done'],
    ])
  })

  it('`transaction` completes the job with what its function wrote and returned; what follows has no effect', async () => {
    const id = await add({ idempotencyKey: 'k', group: { id: 'g' } })
    const seen: unknown[] = []
    const settled: unknown[] = []
    api.queue.on('job:completed', (event) => void settled.push(event))
    await api.run(
      {
        work: async (_payload, _signal, ctx) => {
          seen.push(
            await ctx.transaction(async (tx) => {
              await tx.query(write('a'))
              await ctx.run('inside', () => 'stored with it')
              return 'from the transaction'
            }),
          )
          seen.push((await api.job(id)).status)
          await ctx.setOutput('late').catch(() => undefined)
          throw new Error('after the fact')
        },
      },
      { onError },
    )
    expect(seen).toEqual(['from the transaction', 'completed'])
    expect(await api.job(id)).toMatchObject({
      status: 'completed',
      output: 'from the transaction',
      attempts: 1,
      errorHistory: [],
    })
    expect(await written()).toEqual(['a'])
    expect(await api.queue.getJobSteps(id)).toMatchObject([{ name: 'inside', result: 'stored with it' }])
    expect(await api.history(id)).toEqual(['added', 'processing', 'completed'])
    expect(settled).toEqual([{ jobId: id, jobType: 'work' }])
  })

  it('`transaction` takes the output that was set before when its function returns nothing', async () => {
    const id = await add()
    await api.run({
      work: async (_payload, _signal, ctx) => {
        await ctx.setOutput({ set: 1 })
        await ctx.transaction(async (tx) => void (await tx.query(write('a'))))
      },
    })
    expect((await api.job(id)).output).toEqual({ set: 1 })
  })

  it('`transaction` rolls everything back when its function rejects or its time is up, and the attempt goes on', async () => {
    const id = await add()
    const codes: string[] = []
    await api.run({
      work: async (_payload, _signal, ctx) => {
        const caught = (error: unknown): void => void codes.push(codeOf(error))
        await ctx
          .transaction(async (tx) => {
            await tx.query(write('a'))
            await ctx.run('inside', () => 1)
            throw new Error('no')
          })
          .catch(caught)
        await ctx
          .transaction(
            async (tx) => {
              await tx.query(write('b'))
              await tx.query('select pg_sleep(5)')
            },
            { timeoutMs: 50 },
          )
          .catch(caught)
        return 'in the usual way'
      },
    })
    expect(codes).toEqual(['Error: no', 'TRANSACTION_TIMEOUT'])
    expect(await written()).toEqual([])
    expect(await api.job(id)).toMatchObject({ status: 'completed', output: 'in the usual way' })
    expect(await api.queue.getJobSteps(id)).toEqual([])
  })

  it('a job that another attempt has taken over is not completed: LEASE_LOST, and nothing is written', async () => {
    const id = await add({ maxAttempts: 1 })
    const codes: string[] = []
    // The attempt is over once its lease is known to be lost, which may be before the handler hears of it.
    const told = createGate()
    await api.run(
      {
        work: (_payload, _signal, ctx) =>
          ctx
            .transaction(async (tx) => {
              await tx.query(write('a'))
              await api.queue.retryJob(id)
            })
            .catch((error: unknown) => {
              codes.push(codeOf(error))
              told.open()
            }),
      },
      { onError },
    )
    await told.promise
    expect(codes).toEqual(['LEASE_LOST'])
    expect(await written()).toEqual([])
    expect((await api.job(id)).status).toBe('pending')
  })

  it.each([
    ['a transaction', (ctx) => ctx.transaction(async () => 1)],
    ['a step in a transaction', (ctx) => ctx.runTx('a', async () => 1)],
    ['a wait for a time', (ctx) => ctx.waitFor({ seconds: 1 })],
    ['a wait until a date', (ctx) => ctx.waitUntil(new Date())],
    ['a wait for a token', (ctx) => ctx.waitForToken('wp_1')],
    ['a wait for a signal', (ctx) => ctx.waitForSignal('a')],
    ['a wait for an event', (ctx) => ctx.waitForEvent('a')],
    ['a token', (ctx) => ctx.createToken()],
    ['progress', (ctx) => ctx.setProgress(1)],
  ] satisfies [string, (ctx: JobContext) => Promise<unknown>][])(
    'inside, %s is refused with IN_TRANSACTION',
    async (_what, call) => {
      await add()
      expect(await codeWithin(call)).toBe('IN_TRANSACTION')
    },
  )

  it('inside, calls of the queue take part by `{ db: tx }`', async () => {
    const { id: tokenId } = await api.queue.createToken()
    const id = await add()
    let inside: number | undefined
    await api.run({
      work: (_payload, _signal, ctx) =>
        ctx.transaction(async (tx) => {
          inside = await api.queue.addJob({ jobType: 'next', payload: null }, { db: tx })
          await api.queue.completeToken(tokenId, 'yes', { db: tx })
          expect((await api.queue.getToken(tokenId))?.status).toBe('waiting')
          expect(await api.queue.getJob(inside)).toBeNull()
        }),
    })
    expect((await api.job(id)).status).toBe('completed')
    expect((await api.job(inside ?? 0)).status).toBe('pending')
    expect((await api.queue.getToken(tokenId))?.status).toBe('completed')
  })

  it('with a pool of one a transaction works, and a call beside it is IN_TRANSACTION instead of a hang', async () => {
    const queue = api.open({ databaseConfig: { connectionString: serverUrl, max: 1 } })
    const id = await queue.addJob({ jobType: 'work', payload: null })
    const codes: string[] = []
    await queue
      .createProcessor(
        {
          work: async (_payload, _signal, ctx) => {
            await ctx.runTx('step', (tx) => tx.query(write('a')).then(() => undefined))
            await ctx.transaction(async (tx) => {
              await queue.getJob(id).catch((error: unknown) => codes.push(codeOf(error)))
              await queue.addJob({ jobType: 'next', payload: null }, { db: tx })
            })
          },
        },
        { heartbeat: 'main' },
      )
      .start()
    expect(codes).toEqual(['IN_TRANSACTION'])
    expect((await queue.getJob(id))?.status).toBe('completed')
  })

  it('with a pool of one, what the context is asked for inside uses the transaction, in a second attempt as well', async () => {
    const queue = api.open({ databaseConfig: { connectionString: serverUrl, max: 1 } })
    const before = await queue.addJob({ jobType: 'before', payload: null })
    const id = await queue.addJob({
      jobType: 'work',
      payload: null,
      retryDelay: 0,
      dependsOn: { jobIds: [before] },
    })
    const seen: unknown[] = []
    const work: JobHandler = (_payload, _signal, ctx) =>
      ctx.transaction(async (tx) => {
        const [first] = await ctx.dependencies()
        const { completed } = await ctx.dependencyCounts()
        await ctx.run('step', () => tx.query(write('a')).then(() => undefined))
        await ctx.addJob({ jobType: 'next', payload: null }, { when: 'now' })
        seen.push([first?.output, completed])
        if (ctx.attempt === 1) throw new Error('once more')
      })
    const processor = queue.createProcessor({ work, before: () => ['x'] }, { heartbeat: 'main', pollInterval: 50 })
    processor.startInBackground()
    await poll(async () => (await api.job(id)).status === 'completed')
    await processor.stopAndDrain()
    expect(seen).toEqual([
      [['x'], 1],
      [['x'], 1],
    ])
    expect(await written()).toEqual(['a'])
    expect(await queue.getJobs({ jobType: 'next' })).toHaveLength(1)
  })

  it('where no history is kept the job is gone with the commit', async () => {
    const queue = api.open({ keepCompletedJobs: false })
    const id = await queue.addJob({ jobType: 'work', payload: null })
    const work: JobHandler = (_payload, _signal, ctx) =>
      ctx.transaction(async (tx) => void (await tx.query(write('a'))))
    await queue.createProcessor({ work }, { heartbeat: 'main' }).start()
    expect(await queue.getJob(id)).toBeNull()
    expect(await written()).toEqual(['a'])
  })
})
