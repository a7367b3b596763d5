import { setTimeout as sleep } from 'node:timers/promises'
import { initJobQueue } from 'millrace'
import type { DatabaseClient } from 'millrace'
import { jobsIn, sqlStateOf } from 'millrace/tx'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** A transaction of an ORM, as the suite drives it. */
export interface OrmTransaction {
  /** What the adapter made of the ORM's handle. */
  readonly db: DatabaseClient
  /** Runs a statement in the transaction, the ORM's own way. */
  run(sql: string): Promise<unknown>
  /** Runs `fn` in a savepoint, the ORM's own way if it has one; rolls back to it when `fn` throws. */
  nested(fn: (tx: OrmTransaction) => Promise<void>): Promise<void>
}

export interface Orm {
  transaction<T>(fn: (tx: OrmTransaction) => Promise<T>, isolation?: 'serializable'): Promise<T>
  close(): Promise<void>
}

const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

export interface Known {
  /**
   * postgres.js 3.4.9 throws an uncaught error when the connection of a transaction goes: it writes the rollback to the socket
   * that it has just let go of. There is nothing to be seen of the adapter then.
   */
  readonly diesWithConnection?: boolean
}

/** What every adapter must do, against the real package and a real server. */
export function describeOrm(
  name: string,
  open: (url: string) => Promise<Orm>,
  { diesWithConnection = false }: Known = {},
): void {
  describe.skipIf(serverUrl === '')(`${name}, in its own transaction`, () => {
    // The file's own schema and table: the files of this folder run side by side.
    const own = name.replaceAll(/\W/g, '_').toLowerCase()
    const schema = `orm_${own}`
    const table = `orm_users_${own}`
    const admin = new pg.Pool({ connectionString: serverUrl, max: 2 })
    const queue = initJobQueue<{ welcome: { name: string } }>({ pool: admin, schema, listen: false })
    let orm: Orm

    const job = (user: string) => ({ jobType: 'welcome', payload: { name: user } }) as const
    const users = async (): Promise<string[]> =>
      (await admin.query<{ name: string }>(`select name from ${table} order by name`)).rows.map((row) => row.name)
    const jobs = async (): Promise<string[]> =>
      (await queue.getAllJobs()).map(({ payload }) => payload.name).toSorted((a, b) => a.localeCompare(b))

    beforeAll(async () => {
      await admin.query(`drop schema if exists ${pg.escapeIdentifier(schema)} cascade`)
      await admin.query(`drop table if exists ${table}`)
      await admin.query(`create table ${table} (id serial primary key, name text not null unique)`)
      await queue.ready()
      orm = await open(serverUrl)
    })
    afterAll(async () => {
      await orm.close()
      await queue.close()
      await admin.query(`drop schema if exists ${pg.escapeIdentifier(schema)} cascade`)
      await admin.query(`drop table if exists ${table}`)
      await admin.end()
    })

    test('a job is there with the row once the transaction commits, and not before', async () => {
      const id = await orm.transaction(async (tx) => {
        await tx.run(`insert into ${table} (name) values ('committed')`)
        const added = await queue.addJob(
          { ...job('committed'), tags: [`it's`, 'a,b', '"c"'], runAt: new Date(Date.now() + 60_000), priority: 7 },
          { db: tx.db },
        )
        expect(await queue.getJob(added)).toBeNull()
        return added
      })
      expect(await users()).toContain('committed')
      expect(await queue.getJob(id)).toMatchObject({
        payload: { name: 'committed' },
        tags: [`it's`, 'a,b', '"c"'],
        priority: 7,
      })
    })

    test('`jobsIn` has several adds in the transaction', async () => {
      const ids = await orm.transaction(async (tx) => {
        const inTransaction = jobsIn(queue, tx.db)
        const first = await inTransaction.addJob(job('one of several'))
        const added = [first, ...(await inTransaction.addJobs([job('one of several'), job('one of several')]))]
        expect(await Promise.all(added.map((id) => queue.getJob(id)))).toEqual([null, null, null])
        return added
      })
      expect(new Set(ids).size).toBe(3)
      expect((await jobs()).filter((name) => name === 'one of several')).toHaveLength(3)
    })

    test('a rollback leaves neither row nor jobs', async () => {
      const failure = new Error('the card was refused')
      const attempt = orm.transaction(async (tx) => {
        await tx.run(`insert into ${table} (name) values ('rolled back')`)
        expect(await queue.addJobs([job('rolled back'), job('rolled back')], { db: tx.db })).toHaveLength(2)
        throw failure
      })
      await expect(attempt).rejects.toThrow('the card was refused')
      expect(await users()).not.toContain('rolled back')
      expect(await jobs()).not.toContain('rolled back')
    })

    test('a savepoint that is rolled back takes its job along, and no other', async () => {
      await orm.transaction(async (tx) => {
        await queue.addJob(job('outer'), { db: tx.db })
        const inner = tx.nested(async (nested) => {
          await queue.addJob(job('inner'), { db: nested.db })
          throw new Error('only the inner part')
        })
        await expect(inner).rejects.toThrow('only the inner part')
        await queue.addJob(job('outer again'), { db: tx.db })
      })
      expect(await jobs()).toEqual(expect.arrayContaining(['outer', 'outer again']))
      expect(await jobs()).not.toContain('inner')
    })

    test('a key that exists answers its job and does not spoil the transaction', async () => {
      const keyed = { ...job('keyed'), idempotencyKey: 'welcome:1' }
      const first = await queue.addJob(keyed)
      const [second, third] = await orm.transaction(async (tx) => [
        await queue.addJob(keyed, { db: tx.db }),
        await queue.addJob(job('beside a key'), { db: tx.db }),
      ])
      expect(second).toBe(first)
      expect(third).not.toBe(first)
      expect(await jobs()).toContain('beside a key')
    })

    test('a serialization failure is told with its SQLSTATE, and leaves no job', async () => {
      await admin.query(`insert into ${table} (name) values ('contended')`)
      const attempt = orm.transaction(async (tx) => {
        await tx.run(`select name from ${table} where name = 'contended'`)
        await admin.query(`update ${table} set id = id + 1000 where name = 'contended'`)
        await queue.addJob(job('serialized'), { db: tx.db })
        await tx.run(`update ${table} set id = id + 1000 where name = 'contended'`)
      }, 'serializable')
      const error: unknown = await attempt.catch((reason: unknown) => reason)
      expect(sqlStateOf(error)).toBe('40001')
      expect(await jobs()).not.toContain('serialized')
    })

    test.skipIf(diesWithConnection)(
      'a connection that is cut inside the transaction rejects, and leaves no job',
      async () => {
        const attempt = orm.transaction(async (tx) => {
          await queue.addJob(job('cut off'), { db: tx.db })
          await terminate(admin, own)
          await queue.addJob(job('cut off'), { db: tx.db })
        })
        await expect(attempt).rejects.toBeInstanceOf(Error)
        expect(await jobs()).not.toContain('cut off')
      },
    )

    test.runIf(diesWithConnection)(
      'a connection that is cut inside the transaction leaves no job, though the library throws where nobody can catch it',
      async () => {
        await using uncaught = collectUncaught()
        const dying = await open(serverUrl)
        let isCut = false
        const attempt = dying.transaction(async (tx) => {
          await queue.addJob(job('cut off'), { db: tx.db })
          await terminate(admin, own)
          isCut = true
          await queue.addJob(job('cut off'), { db: tx.db })
        })
        // It rejects and throws in a later turn, or, if it noticed later, does neither. Once it only rejects, the case above is for it.
        const told = Promise.all([Promise.allSettled([attempt]), uncaught.first])
        await Promise.race([told, sleep(5_000, undefined, { ref: false })])
        expect(isCut).toBe(true)
        expect(await jobs()).not.toContain('cut off')
      },
    )

    test('what was done under a name is noted in the transaction, and goes with it', async () => {
      const ada = queue.withActor('ada')
      const noted = async (): Promise<unknown[]> =>
        (await queue.getAudit()).map(({ actor, action, outcome, result }) => ({ actor, action, outcome, result }))
      const id = await orm.transaction(async (tx) => {
        const added = await ada.addJob(job('audited'), { db: tx.db })
        const more = await ada.addJobs([job('audited'), job('audited')], { db: tx.db })
        expect(await noted()).toEqual([])
        expect(more).toHaveLength(2)
        return added
      })
      const entry = { actor: 'ada', outcome: 'done' }
      const kept = [
        { ...entry, action: 'addJobs', result: 2 },
        { ...entry, action: 'addJob', result: id },
      ]
      expect(await noted()).toEqual(kept)
      const undone = orm.transaction(async (tx) => {
        await ada.addJob(job('audited and undone'), { db: tx.db })
        throw new Error('refused')
      })
      await expect(undone).rejects.toThrow('refused')
      expect(await noted()).toEqual(kept)
      expect(await jobs()).not.toContain('audited and undone')
    })

    test('tokens, signals and events go with the transaction, as what they were', async () => {
      const data = { card: 'good', marks: [`it's`, '"q"', null] }
      const id = await queue.addJob({ ...job('signalled'), runAt: new Date(Date.now() + 60_000) })
      const token = await orm.transaction((tx) => queue.createToken({ tags: ['a,b', `it's`] }, { db: tx.db }))
      const undone = orm.transaction(async (tx) => {
        await queue.completeToken(token.id, data, { db: tx.db })
        await queue.signalJob(id, 'paid', data, { db: tx.db })
        throw new Error('refused')
      })
      await expect(undone).rejects.toThrow('refused')
      expect(await queue.getToken(token.id)).toMatchObject({ status: 'waiting', tags: ['a,b', `it's`] })
      await orm.transaction(async (tx) => {
        await queue.completeToken(token.id, data, { db: tx.db })
        await queue.signalJob(id, 'paid', data, { db: tx.db })
        expect(await queue.sendEvent('nobody waits for it', data, { db: tx.db })).toBe(0)
      })
      expect(await queue.getToken(token.id)).toMatchObject({ status: 'completed', output: data })
      const { rows } = await admin.query(`select data from ${pg.escapeIdentifier(schema)}.job_signals`)
      expect(rows).toEqual([{ data }])
    })

    test('bad input is refused before anything is sent, so the transaction goes on', async () => {
      await orm.transaction(async (tx) => {
        const refused = queue.addJob({ jobType: 'welcome', payload: { name: 'nul \0' } }, { db: tx.db })
        await expect(refused).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' })
        await queue.addJob(job('after a refusal'), { db: tx.db })
      })
      expect(await jobs()).toContain('after a refusal')
    })
  })
}

/** Takes uncaught errors from the test runner, until it is disposed. */
function collectUncaught(): AsyncDisposable & { readonly first: Promise<unknown> } {
  const listeners = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[]
  process.removeAllListeners('uncaughtException')
  const first = new Promise<unknown>((resolve) => process.on('uncaughtException', resolve))
  return {
    first,
    async [Symbol.asyncDispose]() {
      process.removeAllListeners('uncaughtException')
      for (const listener of listeners) process.on('uncaughtException', listener)
    },
  }
}

async function terminate(admin: pg.Pool, name: string): Promise<void> {
  const { rows } = await admin.query<{ pid: number }>(
    `select pid from pg_stat_activity where state = 'idle in transaction' and application_name = $1`,
    [applicationName(name)],
  )
  expect(rows).toHaveLength(1)
  await admin.query('select pg_terminate_backend($1)', [rows[0]?.pid])
}

/** What a library under test calls its connections, so that the suite can find and cut them. */
export function applicationName(name: string): string {
  return `millrace orm ${name.replaceAll(/\W/g, '_').toLowerCase()}`
}

/** The server's URL with the application name of the library under test. */
export function named(url: string, name: string): string {
  const named = new URL(url)
  named.searchParams.set('application_name', applicationName(name))
  return named.href
}

/** A savepoint by hand, for libraries without nested transactions. */
export async function savepoint(tx: OrmTransaction, fn: (tx: OrmTransaction) => Promise<void>): Promise<void> {
  await tx.run('savepoint inner_part')
  try {
    await fn(tx)
    await tx.run('release savepoint inner_part')
  } catch (error) {
    await tx.run('rollback to savepoint inner_part')
    throw error
  }
}
