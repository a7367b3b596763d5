import { describe, expect, test, vi } from 'vitest'
import type { JobContext } from '../../src/index.ts'
import { createGate } from '../../src/testing/gate.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

describe.skipIf(!hasServer)('ctx.log', () => {
  const api = useApi('api_logs')

  const logged = async (id: number): Promise<unknown[]> =>
    (await api.queue.getJobLogs(id)).lines.map(({ level, message, fields, attempt }) => [
      level,
      message,
      fields,
      attempt,
    ])

  test('whoever hears of the end, good or bad, can read all that was logged before it', async () => {
    const ended: [string, unknown[]][] = []
    const reads: Promise<unknown>[] = []
    const read = (outcome: string, { jobId }: { jobId: number }): void => {
      reads.push(logged(jobId).then((lines) => ended.push([outcome, lines])))
    }
    api.queue.on('job:completed', (event) => read('completed', event))
    api.queue.on('job:failed', (event) => read('failed', event))
    await api.queue.addJob({ jobType: 'good', payload: {} })
    await api.queue.addJob({ jobType: 'bad', payload: {} })
    await api.run({
      good: (_payload, _signal, { log }) => {
        log('start', { n: 1n, at: new Date(0), error: new Error('inner'), bad: 'a\0b' })
        log('odd', undefined, 'debug')
      },
      bad: (_payload, _signal, { log }) => {
        log('about to fail', { left: 3 }, 'warn')
        throw new Error('no')
      },
    })
    await Promise.all(reads)
    expect(Object.fromEntries(ended)).toEqual({
      completed: [
        [
          'info',
          'start',
          {
            n: '1',
            at: '1970-01-01T00:00:00.000Z',
            error: expect.objectContaining({ name: 'Error', message: 'inner' }),
            bad: 'a\ufffdb',
          },
          1,
        ],
        ['debug', 'odd', null, 1],
      ],
      failed: [['warn', 'about to fail', { left: 3 }, 1]],
    })
  })

  test('lines of a running job can be followed, and those of all attempts are there', async () => {
    const gate = createGate()
    const id = await api.queue.addJob({ jobType: 'slow', payload: {} })
    const running = api.run({
      slow: async (_payload, _signal, ctx) => {
        ctx.log('waiting')
        await gate.promise
        ctx.log('going on')
        throw new Error('no')
      },
    })
    await vi.waitFor(async () => expect(await logged(id)).toEqual([['info', 'waiting', null, 1]]))
    const { lines } = await api.queue.getJobLogs(id)
    gate.open()
    await running
    const more = await api.queue.getJobLogs(id, { after: lines[0]?.id })
    expect(more.lines.map(({ message }) => message)).toEqual(['going on'])
    await api.queue.retryJob(id)
    await api.run({ slow: (_payload, _signal, ctx) => ctx.log('again') })
    expect(await logged(id)).toEqual([
      ['info', 'waiting', null, 1],
      ['info', 'going on', null, 1],
      ['info', 'again', null, 2],
    ])
  })

  test('a handler in a thread logs as any other', async () => {
    const id = await api.queue.addJob({ jobType: 'killed', payload: {}, timeoutMs: 20_000, forceKillOnTimeout: true })
    await api.run({
      killed: (_payload, _signal, ctx) => {
        ctx.log('in a thread', { big: 2n }, 'error')
      },
    })
    expect(await logged(id)).toEqual([['error', 'in a thread', { big: '2' }, 1]])
  })

  test('what cannot be stored is replaced by what says so, and a wrong call throws', async () => {
    const id = await api.queue.addJob({ jobType: 'odd', payload: {} })
    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    let own: JobContext | undefined
    await api.run({
      odd: (_payload, _signal, ctx) => {
        own = ctx
        ctx.log('x'.repeat(9000), loop)
        ctx.log('large', { list: Array.from({ length: 10_000 }, () => 'abc') })
        expect(() => ctx.log(1 as never)).toThrow('`message` must be a string')
        expect(() => ctx.log('a', [] as never)).toThrow('`fields` must be an object')
        expect(() => ctx.log('a', {}, 'loud' as never)).toThrow('`level` must be one of')
      },
    })
    const lines = await logged(id)
    expect(lines).toHaveLength(2)
    expect(lines).toMatchObject([
      ['info', expect.stringMatching(/^x{7999}…$/), { unreadable: expect.stringContaining('circular') }, 1],
      ['info', 'large', { tooLarge: 60_010 }, 1],
    ])
    own?.log('too late')
    expect(await logged(id)).toHaveLength(2)
  })

  test('many lines at once cost few statements, and the oldest go first', async () => {
    const id = await api.queue.addJob({ jobType: 'chatty', payload: {} })
    await api.run({
      chatty: (_payload, _signal, ctx) => {
        for (let n = 0; n < 2500; n++) ctx.log(`line ${n}`)
      },
    })
    const { lines, dropped } = await api.queue.getJobLogs(id)
    expect(dropped).toBe(1500)
    expect(lines.map(({ message }) => message)).toEqual(Array.from({ length: 1000 }, (_, n) => `line ${n + 1500}`))
  })

  test('options out of range are refused', async () => {
    await expect(api.queue.getJobLogs(1, { limit: 0 })).rejects.toMatchObject({ details: { field: 'limit' } })
    await expect(api.queue.getJobLogs(1, { after: -1 })).rejects.toMatchObject({ details: { field: 'after' } })
    await expect(api.queue.getJobLogs(0)).rejects.toMatchObject({ details: { field: 'id' } })
    await expect(api.queue.getJobLogs(1, { last: 3 } as never)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})
