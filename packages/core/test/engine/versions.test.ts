import { describe, expect, test } from 'vitest'
import { anyPayload, defineJobs } from '../../src/index.ts'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(SERVER_URL === undefined)('versions of handlers', () => {
  test('a job that began under one version is left alone by others, and routed to a handler for it', async () => {
    const lab = await openLab()
    await using queue = lab.queue()
    const ran: string[] = []
    const note =
      (version: string, fails = false) =>
      (_payload: unknown, _signal: AbortSignal, ctx: { jobId: number }) => {
        ran.push(`${ctx.jobId} by ${version}`)
        if (fails) throw new Error('not yet')
      }
    const begun = await queue.addJob({ jobType: 'work', payload: null, retryDelay: 0 })
    await queue.createProcessor({ work: { version: 1, handler: note('v1', true) } }).start()
    expect(await queue.getJob(begun)).toMatchObject({ handlerVersion: 1, attempts: 1 })
    await poll(
      async () =>
        (await queue.getStats()).timed === 0 || (await queue.createProcessor({}, { jobType: 'none' }).start()) > 0,
    )

    const fresh = await queue.addJob({ jobType: 'work', payload: null })
    const v2 = queue.createProcessor({ work: { version: 2, handler: note('v2') } })
    v2.startInBackground()
    await poll(async () => (await queue.getJob(fresh))?.status === 'completed')
    await v2.stopAndDrain()
    await queue.createProcessor({ work: note('plain') }).start()
    expect(await queue.getJob(begun)).toMatchObject({ attempts: 1, handlerVersion: 1 })

    await queue
      .createProcessor({ work: { version: 3, handler: note('v3'), versions: { 1: note('v1 again') } } })
      .start()
    expect(await queue.getJob(begun)).toMatchObject({ status: 'completed', attempts: 2, handlerVersion: 1 })
    expect(ran).toEqual([`${begun} by v1`, `${fresh} by v2`, `${begun} by v1 again`])
    await lab.check()
  })

  test('a version stands in defineJobs too, and the handler is told', async () => {
    const lab = await openLab()
    const seen: (number | null)[] = []
    const jobs = defineJobs({
      work: {
        payload: anyPayload<null>(),
        handler: (_payload, _signal, ctx) => void seen.push(ctx.handlerVersion),
        version: 7,
        versions: { 6: () => undefined },
      },
      plain: { payload: anyPayload<null>(), handler: (_payload, _signal, ctx) => void seen.push(ctx.handlerVersion) },
    })
    await using queue = lab.definedQueue(jobs)
    await queue.addJobs([{ jobType: 'work', payload: null }])
    await queue.addJobs([{ jobType: 'plain', payload: null }])
    await queue.createProcessor(undefined, { concurrency: 1 }).start()
    expect(seen).toEqual([7, null])
  })

  test.each<readonly [unknown, string]>([
    [{ version: 0, handler: () => undefined }, 'handlers.work.version'],
    [{ version: 1.5, handler: () => undefined }, 'handlers.work.version'],
    [{ version: 2, handler: 'no' }, 'handlers.work.handler'],
    [{ version: 2, handler: () => undefined, versions: { 2: () => undefined } }, 'handlers.work.versions'],
    [{ version: 2, handler: () => undefined, versions: { x: () => undefined } }, 'handlers.work.versions'],
    [{ version: 2, handler: () => undefined, versions: { 1: null } }, 'handlers.work.versions.1'],
    [{ version: 2, handler: () => undefined, previous: {} }, 'previous'],
    [{ version: 2, handler: { module: './jobs.js', name: 'x' } }, 'name'],
  ])('%j is refused', async (handler, field) => {
    const lab = await openLab()
    expect(() => lab.queue().createProcessor({ work: handler as never })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', details: expect.objectContaining({ field }) }),
    )
  })
})
