import { describe, expect, test } from 'vitest'
import { hasServer, serverUrl, useApi } from '../support/api-queue.ts'

describe.skipIf(!hasServer)('the audit', () => {
  const api = useApi('api_audit')

  const told = async (): Promise<unknown[]> =>
    (await api.queue.getAudit()).map(({ actor, action, target, outcome, result }) => [
      actor,
      action,
      target,
      outcome,
      result,
    ])

  test('notes every change made under a name, newest first, and nothing else', async () => {
    const ann = api.queue.withActor('ann')
    const id = await api.queue.addJob({ jobType: 'mail', payload: { to: 'secret' } })
    expect(await ann.editJob(id, { priority: 5, payload: { to: 'somebody' } })).toBeUndefined()
    expect(await ann.cancelJob(id, { result: true })).toBe('changed')
    expect(await ann.retryJob(id)).toBeUndefined()
    await ann.pause({ jobType: 'mail' }, { reason: 'moving' })
    expect(await api.queue.withActor('bob').resume({ jobType: 'mail' })).toBe(true)
    expect(await ann.cancelAllUpcomingJobs({ jobType: 'mail' })).toBe(1)
    expect(await ann.redrive({ jobType: 'mail' })).toEqual([])
    expect(await ann.getJob(id)).toMatchObject({ priority: 5 })
    expect(await told()).toEqual([
      ['ann', 'redrive', { filters: { jobType: 'mail' } }, 'done', 0],
      ['ann', 'cancelAllUpcomingJobs', { filters: { jobType: 'mail' } }, 'done', 1],
      ['bob', 'resume', { scope: { jobType: 'mail' } }, 'done', true],
      ['ann', 'pause', { scope: { jobType: 'mail' } }, 'done', null],
      ['ann', 'retryJob', { id }, 'done', 'changed'],
      ['ann', 'cancelJob', { id }, 'done', 'changed'],
      ['ann', 'editJob', { id, changes: ['priority', 'payload'] }, 'done', 'changed'],
    ])
  })

  test('a pause names who made it, unless that is said', async () => {
    await api.queue.withActor('ann').pause({ queue: 'a' })
    await api.queue.withActor('ann').pause({ queue: 'b' }, { by: 'bob' })
    expect((await api.queue.getPauses()).map(({ by }) => by)).toEqual(['ann', 'bob'])
  })

  test('what is refused is noted as failed, and refused as ever', async () => {
    const refused = api.queue.withActor('ann').pause({ typ: 'mail' } as never)
    await expect(refused).rejects.toMatchObject({ code: 'OPTION_INVALID', details: { field: 'typ' } })
    expect(await told()).toEqual([['ann', 'pause', { scope: { typ: 'mail' } }, 'failed', 'OPTION_INVALID']])
  })

  test('in a transaction of the caller the entry is part of it, also where that holds the only connection', async () => {
    const single = api.open({ databaseConfig: { connectionString: serverUrl, max: 1 } })
    const ann = single.withActor('ann')
    await single.transaction(async (tx) => {
      await ann.addJob({ jobType: 'mail', payload: {} }, { db: tx })
      await ann.addFlow({ first: { jobType: 'mail', payload: {} } }, { db: tx })
      await ann.sendEvent('paid', { db: 'not a client' }, { db: tx })
    })
    const undone = single.transaction(async (tx) => {
      await ann.addJobs([{ jobType: 'mail', payload: {} }], { db: tx })
      throw new Error('rolled back')
    })
    await expect(undone).rejects.toThrow('rolled back')
    const [id] = (await api.queue.getJobs({ jobType: 'mail' })).map((job) => job.id).toSorted((a, b) => a - b)
    expect(await told()).toEqual([
      ['ann', 'sendEvent', { name: 'paid' }, 'done', 0],
      ['ann', 'addFlow', { nodes: ['first'] }, 'done', null],
      ['ann', 'addJob', { jobType: 'mail' }, 'done', id],
    ])
  })

  test('every method of a queue is either noted or known to change nothing', async () => {
    const plain = Object.keys(api.queue).filter((name) => {
      const key = name as keyof typeof api.queue
      return api.queue.withActor('ann')[key] === api.queue[key]
    })
    expect(
      plain.filter((name) => !/^(?:get|list|search|describe|explain|check|create(?:Processor|Supervisor)$)/.test(name)),
    ).toEqual([
      'on',
      'once',
      'off',
      'removeAllListeners',
      'hooks',
      'ready',
      'migrate',
      'transaction',
      'close',
      'withActor',
    ])
  })

  test('an export is noted with its lines, and one that was given up as such; an import is noted too', async () => {
    const ann = api.queue.withActor('ann')
    const before = (await api.queue.getAudit()).length
    const lines: string[] = []
    for await (const line of ann.exportLines()) lines.push(line)
    for await (const line of ann.exportLines()) if (line !== '') break
    await expect(ann.importLines(['no line of ours'])).rejects.toMatchObject({ code: 'IMPORT_REFUSED' })
    const entries = (await api.queue.getAudit()).slice(0, -before || undefined)
    expect(entries.map(({ action, outcome, result }) => [action, outcome, result])).toEqual([
      ['importLines', 'failed', 'IMPORT_REFUSED'],
      ['exportLines', 'failed', 'given up'],
      ['exportLines', 'done', lines.length],
    ])
    await api.queue.resume({})
  })

  test('a queue under one name makes one under another, and pages go on where the last ended', async () => {
    const ann = api.queue.withActor('ann')
    for (let n = 0; n < 5; n++) await ann.withActor('bob').cancelJob(n + 1)
    const first = await ann.getAudit({ limit: 3 })
    const rest = await ann.getAudit({ cursor: first.at(-1)?.id })
    expect([...first, ...rest].map(({ actor, target, result }) => [actor, target['id'], result])).toEqual(
      [5, 4, 3, 2, 1].map((id) => ['bob', id, 'not_found']),
    )
  })

  test('entries older than a year go with the upkeep', async () => {
    const ann = api.queue.withActor('ann')
    await ann.cancelJob(1)
    await ann.cancelJob(2)
    const [, old] = await ann.getAudit()
    await api.sql("update :schema.audit set at = at - interval '366 days' where id = $1", [old?.id])
    await api.queue.createSupervisor().start()
    expect((await ann.getAudit()).map(({ target }) => target['id'])).toEqual([2])
  })

  test.each([
    ['an empty name', () => api.queue.withActor(''), 'actor'],
    ['no name', () => api.queue.withActor(undefined as never), 'actor'],
    ['a page of none', () => api.queue.getAudit({ limit: 0 }), 'limit'],
    ['a misspelt option', () => api.queue.getAudit({ limt: 1 } as never), 'limt'],
  ])('%s is refused, naming the field', async (_, call, field) => {
    await expect(async () => call()).rejects.toMatchObject({ code: 'OPTION_INVALID', details: { field } })
  })
})
