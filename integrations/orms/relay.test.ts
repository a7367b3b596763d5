import { Queue } from 'bullmq'
import { initJobQueue } from 'millrace'
import { createRelay, toBullMq, toQueue, toSqs } from 'millrace/tx'
import type { RelayMessage, RelayTarget } from 'millrace/tx'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const redisUrl = process.env['MILLRACE_TEST_REDIS_URL'] ?? ''

/** Compiled, never run: that the real queue fits. */
export const bullMqFits = (queue: Queue<{ to: string }>): RelayTarget => toBullMq(queue)

describe.skipIf(serverUrl === '')('a relay to another queue', () => {
  const pool = new pg.Pool({ connectionString: serverUrl, max: 4 })
  const outbox = initJobQueue<{ mail: { to: string } }>({ pool, schema: 'relay_from', listen: false })
  const other = initJobQueue({ pool, schema: 'relay_to', listen: false })

  beforeAll(async () => {
    await pool.query('drop schema if exists relay_from cascade')
    await pool.query('drop schema if exists relay_to cascade')
    await outbox.ready()
    await other.ready()
  })
  afterAll(async () => {
    await outbox.close()
    await other.close()
    await pool.query('drop schema if exists relay_from cascade')
    await pool.query('drop schema if exists relay_to cascade')
    await pool.end()
  })

  test('an acknowledgement that was lost forwards the job again, and there is one all the same', async () => {
    const forward = toQueue(other)
    let isLost = true
    const relay = createRelay(async (message, signal) => {
      await forward(message, signal)
      if (isLost) {
        isLost = false
        throw new Error('the reply was lost')
      }
    })
    const processor = outbox.createProcessor({ mail: relay }, { heartbeat: 'main' })
    const id = await outbox.addJob({ jobType: 'mail', payload: { to: 'ada' } })
    await processor.start()
    expect(await outbox.getJob(id)).toMatchObject({ status: 'failed' })
    await outbox.retryJob(id)
    await processor.start()
    expect(await outbox.getJob(id)).toMatchObject({ status: 'completed', attempts: 2 })
    const forwarded = await other.getAllJobs()
    expect(forwarded).toMatchObject([{ jobType: 'mail', payload: { to: 'ada' }, idempotencyKey: `millrace-${id}` }])
  })

  test.skipIf(redisUrl === '')('the same into BullMQ, and no job of a transaction that was rolled back', async () => {
    const mails = new Queue<{ to: string }>('relayed-mails', {
      connection: { url: redisUrl, maxRetriesPerRequest: null },
    })
    await mails.obliterate({ force: true })
    const forward = toBullMq(mails)
    let isLost = true
    const relay = createRelay(async (message, signal) => {
      await forward(message, signal)
      if (!isLost) return
      isLost = false
      throw new Error('the reply was lost')
    })
    const undone = outbox.transaction(async (tx) => {
      await outbox.addJob({ jobType: 'mail', payload: { to: 'nobody' } }, { db: tx })
      throw new Error('refused')
    })
    await expect(undone).rejects.toThrow('refused')
    const processor = outbox.createProcessor({ mail: relay }, { heartbeat: 'main' })
    const id = await outbox.addJob({ jobType: 'mail', payload: { to: 'bob' } })
    await processor.start()
    await outbox.retryJob(id)
    await processor.start()
    expect(await outbox.getJob(id)).toMatchObject({ status: 'completed', attempts: 2 })
    const forwarded = await mails.getJobs(['waiting', 'delayed', 'prioritized'])
    expect(forwarded.map(({ id: jobId, name, data }) => [jobId, name, data])).toEqual([
      [`millrace-${id}`, 'mail', { to: 'bob' }],
    ])
    await mails.obliterate({ force: true })
    await mails.close()
  })
})

describe('the targets of a relay', () => {
  const message: RelayMessage = { dedupeId: 'millrace-7', jobType: 'mail', payload: { to: 'ada' } }
  const { signal } = new AbortController()

  test('BullMQ gets the dedupe id as its job id', async () => {
    const added: unknown[] = []
    await toBullMq({ add: async (...args) => added.push(args) })(message, signal)
    expect(added).toEqual([['mail', { to: 'ada' }, { jobId: 'millrace-7' }]])
  })

  test('SQS gets it in the body, and a FIFO queue beside it', async () => {
    const sent: unknown[] = []
    const client = { sendMessage: async (input: object) => sent.push(input) }
    await toSqs(client, 'https://sqs/plain')(message, signal)
    await toSqs(client, 'https://sqs/ordered.fifo')(message, signal)
    const body = JSON.stringify({ jobType: 'mail', payload: { to: 'ada' }, dedupeId: 'millrace-7' })
    expect(sent).toEqual([
      { QueueUrl: 'https://sqs/plain', MessageBody: body },
      {
        QueueUrl: 'https://sqs/ordered.fifo',
        MessageBody: body,
        MessageDeduplicationId: 'millrace-7',
        MessageGroupId: 'mail',
      },
    ])
  })
})
