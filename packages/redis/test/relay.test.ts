import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { initJobQueue } from 'millrace'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { poll } from './support/poll.ts'
import { endAfterTest, freshPrefix, openQueue } from './support/queues.ts'

const RELAY = fileURLToPath(new URL('programs/relay.mjs', import.meta.url))
const redisUrl = process.env['MILLRACE_TEST_REDIS_URL'] ?? ''
const databaseUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const COUNT = 12

describe.skipIf(redisUrl === '' || databaseUrl === '')('an outbox on PostgreSQL that is relayed to Redis', () => {
  it(
    'becomes exactly one job for each row that was committed, wherever the relay is killed',
    { timeout: 60_000 },
    async () => {
      const keyPrefix = freshPrefix()
      const schema = `outbox_${keyPrefix.slice(5, -1)}`
      const pool = new pg.Pool({ connectionString: databaseUrl, max: 3 })
      const outbox = initJobQueue({ pool, schema, listen: false })
      endAfterTest(async () => {
        await outbox.close()
        await pool.query(`drop schema "${schema}" cascade`)
        await pool.end()
      })
      const target = openQueue(redisUrl, keyPrefix)
      await outbox.ready()
      for (let n = 0; n < COUNT * 2; n++) {
        const client = await pool.connect()
        await client.query('begin')
        await outbox.addJob({ jobType: 'mail', payload: { n }, maxAttempts: 100 }, { db: client })
        await client.query(n % 2 === 0 ? 'commit' : 'rollback')
        client.release()
      }
      const start = (dieAt?: string): ChildProcess => {
        const relay = fork(RELAY, [JSON.stringify({ databaseUrl, schema, redisUrl, keyPrefix, dieAt })])
        endAfterTest(async () => void relay.kill('SIGKILL'))
        return relay
      }
      for (const step of ['claimed', 'sent', 'answered', 'recorded']) {
        const [, signal] = await once(start(step), 'exit')
        expect([step, signal]).toEqual([step, 'SIGKILL'])
      }
      const relay = start()
      const exited = once(relay, 'exit')
      await poll(async () => (await outbox.getStats()).byStatus.completed === COUNT, 'everything is relayed')
      relay.send('stop')
      await exited
      const jobs = await target.getAllJobs()
      expect(jobs.map(({ payload }) => Reflect.get(Object(payload), 'n')).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: COUNT }, (_, n) => n * 2),
      )
      // At least once, of which the target kept one: the kills did make repetitions.
      const attempts = (await outbox.getAllJobs()).map((job) => job.attempts)
      expect(Math.max(...attempts)).toBeGreaterThan(1)
      expect(await target.checkInvariants()).toEqual([])
    },
  )
})
