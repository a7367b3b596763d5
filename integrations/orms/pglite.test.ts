import { PGlite } from '@electric-sql/pglite'
import type { Transaction } from '@electric-sql/pglite'
import { initJobQueue } from 'millrace'
import type { JobQueue } from 'millrace'
import { sqlStateOf } from 'millrace/tx'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/**
 * What `describeOrm` asks of the others, for a database with one session: nothing can be seen from outside while a transaction is
 * open, and none fails to serialize or is cut off.
 */
describe('PGlite, in its own transaction', () => {
  let client: PGlite
  let queue: JobQueue<{ welcome: { name: string } }>

  const job = (name: string) => ({ jobType: 'welcome', payload: { name } }) as const
  const jobs = async (): Promise<string[]> => (await queue.getAllJobs()).map(({ payload }) => payload.name)
  const users = async (): Promise<unknown[]> => (await client.query<{ name: string }>('select name from users')).rows
  const addUser = async (tx: Transaction, name: string): Promise<unknown> =>
    tx.query('insert into users (name) values ($1)', [name])

  beforeAll(async () => {
    client = new PGlite()
    queue = initJobQueue({ backend: 'pglite', client })
    await queue.ready()
    await client.exec('create table users (name text not null unique)')
  })
  afterAll(async () => {
    await queue.close()
    await client.close()
  })

  test('a job is there with the row once the transaction commits', async () => {
    const id = await client.transaction(async (tx) => {
      await addUser(tx, 'committed')
      const odd = { tags: [`it's`, 'a,b', '"c"'], runAt: new Date(Date.now() + 60_000), priority: 7 }
      return queue.addJob({ ...job('committed'), ...odd }, { db: tx })
    })
    expect(await users()).toEqual([{ name: 'committed' }])
    expect(await queue.getJob(id)).toMatchObject({ payload: { name: 'committed' }, tags: [`it's`, 'a,b', '"c"'] })
  })

  test('a rollback leaves neither row nor jobs, whether by an error of ours or of a statement', async () => {
    const refused = client.transaction(async (tx) => {
      await addUser(tx, 'rolled back')
      expect(await queue.addJobs([job('rolled back'), job('rolled back')], { db: tx })).toHaveLength(2)
      throw new Error('the card was refused')
    })
    await expect(refused).rejects.toThrow('the card was refused')
    const twice: unknown = await client
      .transaction(async (tx) => {
        await queue.addJob(job('rolled back'), { db: tx })
        await addUser(tx, 'committed')
      })
      .catch((error: unknown) => error)
    expect(sqlStateOf(twice)).toBe('23505')
    expect(await users()).toEqual([{ name: 'committed' }])
    expect(await jobs()).not.toContain('rolled back')
  })

  test('a savepoint that is rolled back takes its job along, and no other', async () => {
    await client.transaction(async (tx) => {
      await queue.addJob(job('outer'), { db: tx })
      await tx.exec('savepoint inner_part')
      await queue.addJob(job('inner'), { db: tx })
      await tx.exec('rollback to savepoint inner_part')
      await queue.addJob(job('outer again'), { db: tx })
    })
    expect(await jobs()).toEqual(expect.arrayContaining(['outer', 'outer again']))
    expect(await jobs()).not.toContain('inner')
  })

  test('a key that exists answers its job, and bad input is refused, without spoiling the transaction', async () => {
    const keyed = { ...job('keyed'), idempotencyKey: 'welcome:1' }
    const first = await queue.addJob(keyed)
    await client.transaction(async (tx) => {
      expect(await queue.addJob(keyed, { db: tx })).toBe(first)
      const refused = queue.addJob({ jobType: 'welcome', payload: { name: 'nul \0' } }, { db: tx })
      await expect(refused).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' })
      await queue.addJob(job('after a refusal'), { db: tx })
    })
    expect(await jobs()).toContain('after a refusal')
  })

  test('what was done under a name is noted in the transaction, and goes with it', async () => {
    const ada = queue.withActor('ada')
    const id = await client.transaction((tx) => ada.addJob(job('audited'), { db: tx }))
    const undone = client.transaction(async (tx) => {
      await ada.addJob(job('audited and undone'), { db: tx })
      throw new Error('refused')
    })
    await expect(undone).rejects.toThrow('refused')
    expect(await queue.getAudit()).toMatchObject([{ actor: 'ada', action: 'addJob', outcome: 'done', result: id }])
    expect(await queue.checkInvariants()).toEqual([])
  })
})
