import { describe, expect, it } from 'vitest'
import type { JobFilters, TagQueryMode } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

// specs/job-queue.md, section 7: reads and their filters.

describe.skipIf(!hasServer)('reading jobs', () => {
  const api = useApi('api_reading')
  const numbers = (jobs: readonly { readonly payload: unknown }[]): unknown[] =>
    jobs.map((job) => Reflect.get(Object(job.payload), 'n'))

  async function addNumbered(count: number): Promise<number[]> {
    return api.queue.addJobs(Array.from({ length: count }, (_, n) => ({ jobType: 'email', payload: { n } })))
  }

  it('answers null for a job that does not exist', async () => {
    expect(await api.queue.getJob(4711)).toBeNull()
    expect(await api.queue.getJobEvents(4711)).toEqual([])
  })

  it('rejects what cannot be an id', async () => {
    await expect(api.queue.getJob(0)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(api.queue.getJob('1' as never)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })

  it('lists newest first, 100 unless told otherwise', async () => {
    const ids = await addNumbered(103)
    for (const jobs of [
      await api.queue.getJobs(),
      await api.queue.getAllJobs(),
      await api.queue.getJobsByStatus('pending'),
    ]) {
      expect(jobs.map((job) => job.id)).toEqual(ids.toReversed().slice(0, 100))
    }
  })

  it('pages by limit and offset', async () => {
    await addNumbered(5)
    expect(numbers(await api.queue.getAllJobs(2))).toEqual([4, 3])
    expect(numbers(await api.queue.getAllJobs(2, 4))).toEqual([0])
    expect(numbers(await api.queue.getJobs({}, 2, 1))).toEqual([3, 2])
    expect(numbers(await api.queue.getJobsByStatus('pending', 1, 2))).toEqual([2])
  })

  it('pages by cursor: ids below it, and no offset', async () => {
    const ids = await addNumbered(5)
    const cursor = ids[3] ?? 0
    expect(numbers(await api.queue.getJobs({ cursor }, 2))).toEqual([2, 1])
    expect(numbers(await api.queue.getJobs({ cursor }, 2, 1))).toEqual([2, 1])
    expect(await api.queue.getJobs({ cursor: ids[0] ?? 0 })).toEqual([])
    expect(await api.queue.getJobs({ cursor: 0 })).toEqual([])
  })

  it('refuses limits and offsets that make no sense', async () => {
    await expect(api.queue.getAllJobs(0)).rejects.toMatchObject({ details: { field: 'limit' } })
    await expect(api.queue.getAllJobs(10, -1)).rejects.toMatchObject({ details: { field: 'offset' } })
  })

  it('tells the statuses apart', async () => {
    const add = (jobType: string): Promise<number> => api.queue.addJob({ jobType, payload: {}, maxAttempts: 1 })
    const [done, broken, gone, waiting] = [
      await add('done'),
      await add('broken'),
      await add('gone'),
      await add('waiting'),
    ]
    await api.queue.cancelJob(gone)
    const broken_ = (): never => {
      throw new Error('broken')
    }
    await api.run({ done: () => 1, broken: broken_ }, { jobType: ['done', 'broken'] })
    const ids = async (status: Parameters<typeof api.queue.getJobsByStatus>[0]): Promise<number[]> =>
      (await api.queue.getJobsByStatus(status)).map((job) => job.id)
    expect(await ids('completed')).toEqual([done])
    expect(await ids('failed')).toEqual([broken])
    expect(await ids('cancelled')).toEqual([gone])
    expect(await ids('pending')).toEqual([waiting])
    expect(await ids('processing')).toEqual([])
    expect((await api.queue.getAllJobs()).map((job) => job.id)).toEqual([waiting, gone, broken, done])
  })

  it('gives the same record whichever way it is read', async () => {
    const id = await api.queue.addJob({
      jobType: 'email',
      payload: {},
      tags: ['a'],
      forceKillOnTimeout: true,
      group: { id: 'g' },
    })
    const job = await api.job(id)
    expect(await api.queue.getJobs()).toEqual([job])
    expect(await api.queue.getAllJobs()).toEqual([job])
    expect(await api.queue.getJobsByStatus('pending')).toEqual([job])
    expect(await api.queue.getJobsByTags(['a'])).toEqual([job])
  })

  describe('filters', () => {
    const day = (n: number): Date => new Date(Date.UTC(2040, 0, n))

    it.each<[string, JobFilters, number[]]>([
      ['jobType', { jobType: 'sms' }, [2]],
      ['several job types', { jobType: ['sms', 'push'] }, [3, 2]],
      ['priority', { priority: 5 }, [1]],
      ['runAt as a date', { runAt: day(2) }, [1]],
      ['runAt eq', { runAt: { eq: day(2) } }, [1]],
      ['runAt gt', { runAt: { gt: day(2) } }, [3, 2]],
      ['runAt gte', { runAt: { gte: day(2) } }, [3, 2, 1]],
      ['runAt lt', { runAt: { lt: day(2) } }, [0]],
      ['runAt lte', { runAt: { lte: day(2) } }, [1, 0]],
      ['a span', { runAt: { gt: day(1), lt: day(4) } }, [2, 1]],
      ['all of them together', { jobType: 'email', priority: 5, runAt: { gte: day(1) } }, [1]],
      ['nothing', {}, [3, 2, 1, 0]],
      ['undefined conditions', { jobType: undefined, priority: undefined }, [3, 2, 1, 0]],
      ['status, beside others', { jobType: 'email', status: 'pending' }, [1, 0]],
    ])('by %s', async (_, filters, expected) => {
      await api.queue.addJobs([
        { jobType: 'email', payload: { n: 0 }, runAt: day(1) },
        { jobType: 'email', payload: { n: 1 }, runAt: day(2), priority: 5 },
        { jobType: 'sms', payload: { n: 2 }, runAt: day(3) },
        { jobType: 'push', payload: { n: 3 }, runAt: day(4) },
      ])
      expect(numbers(await api.queue.getJobs(filters))).toEqual(expected)
    })

    it('refuses a filter that does not exist', async () => {
      await expect(api.queue.getJobs({ type: 'email' } as never)).rejects.toMatchObject({ details: { field: 'type' } })
      await expect(api.queue.getJobsByStatus('done' as never)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    })
  })

  describe('tags', () => {
    it.each<[TagQueryMode | undefined, string[], number[]]>([
      [undefined, ['a', 'b'], [1, 0]],
      ['all', ['a', 'b'], [1, 0]],
      ['any', ['b', 'c'], [2, 1, 0]],
      ['none', ['a'], [3, 2]],
      ['exact', ['b', 'a'], [0]],
    ])('mode %s of %j', async (mode, tags, expected) => {
      await api.queue.addJobs([
        { jobType: 'email', payload: { n: 0 }, tags: ['a', 'b'] },
        { jobType: 'email', payload: { n: 1 }, tags: ['a', 'b', 'c'] },
        { jobType: 'email', payload: { n: 2 }, tags: ['c'] },
        { jobType: 'email', payload: { n: 3 } },
      ])
      expect(numbers(await api.queue.getJobsByTags(tags, mode))).toEqual(expected)
      expect(numbers(await api.queue.getJobs({ tags: { values: tags, mode } }))).toEqual(expected)
    })

    it('are found on finished jobs too, with limit and offset', async () => {
      await api.queue.addJobs(Array.from({ length: 4 }, (_, n) => ({ jobType: 'email', payload: { n }, tags: ['x'] })))
      await api.run({ email: () => undefined }, { batchSize: 2 })
      expect(numbers(await api.queue.getJobsByTags(['x']))).toEqual([3, 2, 1, 0])
      expect(numbers(await api.queue.getJobsByTags(['x'], 'all', 2, 1))).toEqual([2, 1])
    })
  })
})
