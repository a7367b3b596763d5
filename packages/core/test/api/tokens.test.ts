import { describe, expect, it } from 'vitest'
import { type JobHandler } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'
import { poll } from '../support/poll.ts'

// specs/job-queue.md, section 15: tokens as documented, and what goes beyond.

describe.skipIf(!hasServer)('tokens', () => {
  const api = useApi('api_tokens')
  const onError = (): void => undefined
  const add = (payload: unknown = null): Promise<number> =>
    api.queue.addJob({ jobType: 'work', payload, retryDelay: 0 })
  const ends = (work: JobHandler): Promise<number> => api.run({ work }, { onError })
  const expire = (id: string): Promise<unknown> =>
    api.sql("update :schema.tokens set timeout_at = now() - interval '1 second' where id = $1", [id])
  const waits: JobHandler = async (payload, _signal, ctx) => ctx.waitForToken(String(payload))

  it('have the documented shape, made outside of jobs', async () => {
    const token = await api.queue.createToken({ timeout: '10m', tags: ['a', 'b'] })
    expect(token).toEqual({ id: expect.stringMatching(/^wp_[0-9a-f-]{36}$/) })
    const record = await api.queue.getToken(token.id)
    expect(record).toEqual({
      id: token.id,
      jobId: null,
      status: 'waiting',
      output: null,
      timeoutAt: expect.any(Date),
      createdAt: expect.any(Date),
      completedAt: null,
      tags: ['a', 'b'],
    })
    expect(Number(record?.timeoutAt) - Number(record?.createdAt)).toBe(600_000)
    expect(await api.queue.getToken((await api.queue.createToken()).id)).toMatchObject({ timeoutAt: null, tags: null })
    expect(await api.queue.getToken('wp_unknown')).toBeNull()
  })

  it.each([
    ['30s', 30],
    ['10m', 600],
    ['24h', 86_400],
    ['365d', 365 * 86_400],
  ])('a timeout of %s is %d seconds', async (timeout, seconds) => {
    const record = await api.queue.getToken((await api.queue.createToken({ timeout })).id)
    expect(Number(record?.timeoutAt) - Number(record?.createdAt)).toBe(seconds * 1000)
  })

  it.each([
    ['soon', 'Invalid timeout format: "soon". Expected format like "10m", "1h", "24h", "7d".'],
    ['10', 'Invalid timeout format: "10"'],
    ['1.5h', 'Invalid timeout format: "1.5h"'],
    ['366d', 'Timeout value "366d" is too large. Maximum allowed is 365 days.'],
  ])('a timeout of %s is refused in the documented words', async (timeout, message) => {
    await expect(api.queue.createToken({ timeout })).rejects.toThrow(message)
  })

  it('refuse unknown options, tags that are none, and ids that are none', async () => {
    const refused = { code: 'OPTION_INVALID' }
    await expect(api.queue.createToken({ expiresIn: '1h' } as never)).rejects.toMatchObject(refused)
    await expect(api.queue.createToken({ tags: 'a' as never })).rejects.toMatchObject(refused)
    await expect(api.queue.completeToken('')).rejects.toMatchObject(refused)
    await expect(api.queue.getToken(5 as never)).rejects.toMatchObject(refused)
  })

  it('made by a job: the same in each run, tied to it, also in a step; several are told apart', async () => {
    const made: string[][] = []
    const id = await add()
    await ends(async (_payload, _signal, ctx) => {
      const token = await ctx.createToken({ timeout: '1h', tags: ['x'] })
      const inStep = await ctx.run('make', () => ctx.createToken())
      made.push([token.id, inStep.id, (await ctx.createToken()).id])
      throw new Error('again')
    })
    await ends(async (_payload, _signal, ctx) => {
      const token = await ctx.createToken({ timeout: '1h', tags: ['x'] })
      const inStep = await ctx.run('make', () => ctx.createToken())
      made.push([token.id, inStep.id, (await ctx.createToken()).id])
    })
    expect(made[1]).toEqual(made[0])
    expect(new Set(made[0]).size).toBe(3)
    expect(await api.queue.getToken(made[0]?.[0] ?? '')).toMatchObject({ jobId: id, tags: ['x'] })
    expect((await api.queue.getJobSteps(id)).map(({ kind }) => kind)).toEqual([
      'made_token',
      'made_token',
      'step',
      'made_token',
    ])
  })

  it('suspend the job that waits until they are completed: it resumes as the same attempt with what they got', async () => {
    let tokenId = ''
    const work: JobHandler = async (_payload, _signal, ctx) => {
      const token = await ctx.run('make', () => ctx.createToken({ timeout: '10m' }))
      tokenId = token.id
      return ctx.waitForToken<{ status: string }>(token.id)
    }
    const id = await add()
    await ends(work)
    expect(await api.job(id)).toMatchObject({ status: 'waiting', waitTokenId: tokenId, attempts: 0 })
    expect((await api.job(id)).stepData).toMatchObject({ __wait_0: { type: 'token', completed: false, tokenId } })
    await api.queue.completeToken(tokenId, { status: 'approved', at: 1 })
    expect(await api.job(id)).toMatchObject({ status: 'pending', waitTokenId: null })
    await ends(work)
    const output = { ok: true, output: { status: 'approved', at: 1 } }
    expect(await api.job(id)).toMatchObject({ status: 'completed', attempts: 1, output })
    expect(await api.queue.getToken(tokenId)).toMatchObject({
      status: 'completed',
      output: { status: 'approved', at: 1 },
      completedAt: expect.any(Date),
    })
    expect(await api.history(id)).toEqual(['added', 'processing', 'waiting', 'processing', 'completed'])
  })

  it('completed before the wait let the handler go straight on; completed twice, or unknown, change nothing', async () => {
    const { id: tokenId } = await api.queue.createToken()
    expect(await api.queue.completeToken(tokenId, 'first')).toBeUndefined()
    await api.queue.completeToken(tokenId, 'second')
    await api.queue.completeToken('wp_unknown', 1)
    const id = await add(tokenId)
    await ends(waits)
    expect(await api.job(id)).toMatchObject({ status: 'completed', output: { ok: true, output: 'first' } })
  })

  it('say what a completion changed when asked', async () => {
    const { id } = await api.queue.createToken()
    expect(await api.queue.completeToken(id, 1, { result: true })).toBe('changed')
    expect(await api.queue.completeToken(id, 1, { result: true })).toBe('unchanged')
    expect(await api.queue.completeToken('wp_unknown', 1, { result: true })).toBe('not_found')
    const { id: without } = await api.queue.createToken()
    await api.queue.completeToken(without)
    expect(await api.queue.getToken(without)).toMatchObject({ status: 'completed', output: null })
  })

  it('time out: by `expireTimedOutTokens`, by a supervisor and by any processor', async () => {
    const tokens = await Promise.all([1, 2, 3].map(() => api.queue.createToken({ timeout: '1h' })))
    const [asked, supervised, worked] = tokens.map(({ id }) => id)
    const ids = await Promise.all(tokens.map(({ id }) => add(id)))
    expect(await ends(waits)).toBe(3)
    await expire(asked ?? '')
    expect(await api.queue.expireTimedOutTokens()).toBe(1)
    expect(await api.queue.expireTimedOutTokens()).toBe(0)
    expect(await api.queue.getToken(asked ?? '')).toMatchObject({ status: 'timed_out', completedAt: null })
    await expire(supervised ?? '')
    expect(await api.queue.createSupervisor().start()).toMatchObject({ expiredTokens: 1 })
    await expire(worked ?? '')
    await api.queue.completeToken(worked ?? '', 'too late, but nobody has noticed')
    expect(await ends(waits)).toBe(3)
    const outputs = await Promise.all(ids.map(async (id) => (await api.job(id)).output))
    const timedOut = { ok: false, error: 'Token timed out' }
    expect(outputs).toEqual([timedOut, timedOut, { ok: true, output: 'too late, but nobody has noticed' }])
    const { id: last } = await api.queue.createToken({ timeout: '1h' })
    await expire(last)
    await using processor = api.queue.createProcessor({ work: waits }, { heartbeat: 'main', pollInterval: 100 })
    processor.startInBackground()
    await poll(async () => (await api.queue.getToken(last))?.status === 'timed_out')
  })

  it('leave it to a wait to give up sooner than they do', async () => {
    const { id: tokenId } = await api.queue.createToken({ timeout: '7d' })
    const id = await add(tokenId)
    const work: JobHandler = async (payload, _signal, ctx) => ctx.waitForToken(String(payload), { timeout: '1h' })
    await ends(work)
    await api.sql('update :schema.jobs set due_at = now(), wait_until = now()')
    await api.sql('update :schema.job_steps set wait_until = now()')
    await ends(work)
    expect(await api.job(id)).toMatchObject({ status: 'completed', output: { ok: false, error: 'Token timed out' } })
    expect((await api.queue.getToken(tokenId))?.status).toBe('waiting')
  })

  it('that do not exist are TOKEN_NOT_FOUND, instead of a wait for ever', async () => {
    const id = await add('wp_unknown')
    await ends(waits)
    const { errorHistory } = await api.job(id)
    expect(errorHistory[0]).toMatchObject({ code: 'TOKEN_NOT_FOUND', message: expect.stringContaining('wp_unknown') })
  })

  it('can be made and completed in a transaction of the caller, with its commit', async () => {
    const made = await api.queue.transaction(async (tx) => {
      const token = await api.queue.createToken({}, { db: tx })
      expect(await api.queue.getToken(token.id)).toBeNull()
      return token
    })
    const id = await add(made.id)
    await ends(waits)
    await expect(
      api.queue.transaction(async (tx) => {
        await api.queue.completeToken(made.id, 'undone', { db: tx })
        throw new Error('rolled back')
      }),
    ).rejects.toThrow('rolled back')
    expect((await api.job(id)).status).toBe('waiting')
    await api.queue.transaction((tx) => api.queue.completeToken(made.id, 'done', { db: tx }))
    expect((await api.job(id)).status).toBe('pending')
  })

  it('carry what a payload can carry, and no more', async () => {
    const { id } = await api.queue.createToken()
    await expect(api.queue.completeToken(id, { f: () => 1 })).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' })
    const rich = api.open({ codec: 'rich' })
    await rich.completeToken(id, { at: new Date(0) })
    expect((await rich.getToken(id))?.output).toEqual({ at: new Date(0) })
  })
})
