import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertNoDependencyCycle, batchDepRef, fatal, validatePrerequisiteJobIdsExist } from '../../src/index.ts'
import { hasServer, serverUrl, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 17, and what goes beyond it: flows, batches, and the outputs of prerequisites.

const SCHEMA = 'api_flows'

describe.skipIf(!hasServer)('flows', () => {
  const api = useApi(SCHEMA)

  /** Runs until nothing is ready any more. */
  async function runAll(handlers: Parameters<typeof api.run>[0]): Promise<void> {
    while ((await api.run(handlers, { batchSize: 50, concurrency: 10 })) > 0);
  }

  it('the nodes of a flow run in their order, each with the outputs of those it waits for', async () => {
    const order: string[] = []
    const ids = await api.queue.addFlow({
      report: { jobType: 'report', payload: {}, dependsOn: { nodes: ['left', 'right'] } },
      left: { jobType: 'part', payload: { n: 1 }, dependsOn: { nodes: ['load'] } },
      right: { jobType: 'part', payload: { n: 2 }, dependsOn: { nodes: ['load'] } },
      load: { jobType: 'load', payload: {} },
    })
    expect(Object.keys(ids)).toEqual(['report', 'left', 'right', 'load'])
    let seen: unknown
    await runAll({
      load: () => void order.push('load'),
      part: (payload) => {
        const { n } = payload as { n: number }
        order.push(`part ${n}`)
        return { n }
      },
      report: async (_payload, _signal, ctx) => {
        order.push('report')
        seen = [await ctx.dependencies(), await ctx.dependencyCounts()]
      },
    })
    expect(order).toEqual(['load', 'part 1', 'part 2', 'report'])
    const part = { jobType: 'part', status: 'completed', error: null }
    expect(seen).toEqual([
      [
        { id: ids.left, name: 'left', output: { n: 1 }, ...part },
        { id: ids.right, name: 'right', output: { n: 2 }, ...part },
      ],
      { total: 2, completed: 2, failed: 0, cancelled: 0, unfinished: 0 },
    ])
  })

  it('dependents that are cancelled in turn are told as `job:cancelled`, whatever began it', async () => {
    const told: number[] = []
    api.queue.on('job:cancelled', ({ jobId }) => void told.push(jobId))
    const add = async (): Promise<number[]> => {
      const first = await api.queue.addJob({ jobType: 'first', payload: {}, maxAttempts: 1 })
      const next = await api.queue.addJob({ jobType: 'next', payload: {}, dependsOn: { jobIds: [first] } })
      return [first, next, await api.queue.addJob({ jobType: 'next', payload: {}, dependsOn: { jobIds: [next] } })]
    }
    const [, ...failing] = await add()
    await api.run({ first: () => Promise.reject(new Error('no')) })
    expect(told.splice(0)).toEqual(failing)
    const one = await add()
    expect((await api.queue.getStats()).blocked).toBe(2)
    await api.queue.cancelJob(one[0] ?? 0)
    expect(told.splice(0)).toEqual(one)
    const many = await add()
    await api.queue.cancelAllUpcomingJobs({ jobType: 'first' })
    expect(told).toEqual(many)
  })

  it('a flow with a cycle, an unknown node or a bad job is refused whole, by the name of the node', async () => {
    const job = { jobType: 'work', payload: {} }
    const cycle = { a: { ...job, dependsOn: { nodes: ['b'] } }, b: { ...job, dependsOn: { nodes: ['a'] } } }
    await expect(api.queue.addFlow(cycle)).rejects.toThrow('a → b → a')
    await expect(api.queue.addFlow({ a: { ...job, dependsOn: { nodes: ['z'] } } })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      details: { field: 'nodes.a.dependsOn.nodes', value: 'z' },
    })
    await expect(api.queue.addFlow({ a: job, b: { ...job, maxAttempts: 0 } })).rejects.toMatchObject({
      message: expect.stringMatching(/^nodes.b: /),
      details: { field: 'nodes.b.maxAttempts' },
    })
    expect(await api.queue.getJobs()).toEqual([])
  })

  it('the callback of a batch runs when all have ended, and knows how', async () => {
    const jobs = Array.from({ length: 6 }, (_, n) => ({ jobType: 'item', payload: { n }, maxAttempts: 1 }))
    const batch = await api.queue.addBatch(jobs, { onComplete: { jobType: 'done', payload: { batch: 1 } } })
    expect(batch.jobIds.length).toBe(6)
    await api.queue.cancelJob(batch.jobIds[5] ?? 0)
    expect(await api.queue.getBatch(batch.id)).toEqual({
      id: batch.id,
      total: 6,
      completed: 0,
      failed: 0,
      cancelled: 1,
      unfinished: 5,
      isFinished: false,
    })
    let counts: unknown
    let errors: unknown
    await runAll({
      item: (payload) => {
        const { n } = payload as { n: number }
        if (n < 2) throw fatal(`no ${n}`)
      },
      done: async (_payload, _signal, ctx) => {
        counts = await ctx.dependencyCounts()
        errors = (await ctx.dependencies()).map(({ error }) => error)
      },
    })
    const expected = { total: 6, completed: 3, failed: 2, cancelled: 1, unfinished: 0 }
    expect(counts).toEqual(expected)
    expect(errors).toEqual(['no 0', 'no 1', null, null, null, null])
    expect(await api.queue.getBatch(batch.id)).toEqual({ id: batch.id, ...expected, isFinished: true })
    expect(await api.queue.getBatch(batch.id + 1000)).toBeNull()
  })

  it('a batch of nothing calls back at once; a callback that waits for something else is refused', async () => {
    const onComplete = { jobType: 'done', payload: {} }
    const { id } = await api.queue.addBatch([], { onComplete })
    await runAll({ done: () => undefined })
    expect((await api.job(id)).status).toBe('completed')
    const bad = { onComplete: { ...onComplete, dependsOn: { jobIds: [id] } } }
    await expect(api.queue.addBatch([], bad)).rejects.toMatchObject({ details: { field: 'onComplete.dependsOn' } })
    await expect(api.queue.addBatch([], {} as never)).rejects.toMatchObject({ details: { field: 'onComplete' } })
  })

  it('a job without prerequisites has no dependencies', async () => {
    await api.queue.addJob({ jobType: 'work', payload: {} })
    let seen: unknown
    await runAll({
      work: async (_payload, _signal, ctx) => {
        seen = [await ctx.dependencies(), (await ctx.dependencyCounts()).total]
      },
    })
    expect(seen).toEqual([[], 0])
  })

  // Weakness 7: dependents cancelled by a failure that is retried, or stuck after clean-up, late adds, bulk cancels.
  it('a parent that fails once and then succeeds has its dependents completed', async () => {
    const [parent, child] = await api.queue.addJobs([
      { jobType: 'parent', payload: {}, retryDelay: 0, retryBackoff: false },
      { jobType: 'child', payload: {}, dependsOn: { jobIds: [batchDepRef(0)] } },
    ])
    let tries = 0
    const handlers = {
      parent: () => {
        if (++tries === 1) throw new Error('once')
      },
      child: () => undefined,
    }
    await runAll(handlers)
    await expect.poll(async () => (await runAll(handlers), (await api.job(child ?? 0)).status)).toBe('completed')
    expect((await api.job(parent ?? 0)).attempts).toBe(2)
  })

  it('a bulk cancellation takes the dependents along', async () => {
    const parent = await api.queue.addJob({ jobType: 'parent', payload: {} })
    const child = await api.queue.addJob({ jobType: 'child', payload: {}, dependsOn: { jobIds: [parent] } })
    expect(await api.queue.cancelAllUpcomingJobs({ jobType: 'parent' })).toBe(1)
    expect((await api.job(child)).status).toBe('cancelled')
  })

  it('concurrent adds of which one depends on nothing that exists fail alone', async () => {
    const parent = await api.queue.addJob({ jobType: 'parent', payload: {} })
    const add = (id: number): Promise<number> =>
      api.queue.addJob({ jobType: 'child', payload: {}, dependsOn: { jobIds: [id] } })
    const results = await Promise.allSettled([add(parent), add(999_999_999), add(parent)])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    await expect(add(999_999_999)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' })
  })

  describe('the checks that take a client', () => {
    let client: pg.Pool
    beforeAll(() => {
      client = new pg.Pool({ connectionString: serverUrl, max: 1 })
    })
    afterAll(() => client.end())

    it('say which jobs do not exist', async () => {
      const id = await api.queue.addJob({ jobType: 'work', payload: {} })
      await validatePrerequisiteJobIdsExist(client, [id], { schema: SCHEMA })
      await expect(validatePrerequisiteJobIdsExist(client, [id, 999_999_999], { schema: SCHEMA })).rejects.toThrow(
        'do not exist',
      )
    })

    it('find that a job would wait for itself, over a detour too', async () => {
      const [first, , last] = await api.queue.addJobs([
        { jobType: 'work', payload: {} },
        { jobType: 'work', payload: {}, dependsOn: { jobIds: [batchDepRef(0)] } },
        { jobType: 'work', payload: {}, dependsOn: { jobIds: [batchDepRef(1)] } },
      ])
      await assertNoDependencyCycle(client, last ?? 0, [first ?? 0], { schema: SCHEMA })
      await expect(assertNoDependencyCycle(client, first ?? 0, [last ?? 0], { schema: SCHEMA })).rejects.toThrow(
        'cycle',
      )
      await expect(assertNoDependencyCycle(client, 1, [1])).rejects.toThrow('cannot depend on itself')
    })
  })
})
