import { createDashboard } from '@millrace/dashboard'
import { type ExplainReason, fatal, initJobQueue, type JobQueue, type Processor } from 'millrace'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './support/command.ts'
import { poll } from './support/poll.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const SCHEMA = 'cli_explain'
const HOUR_S = 3600

/** Every reason, with what its text says of the job that `Jobs` has for it. */
const SAID: Readonly<Record<ExplainReason['kind'], RegExp>> = {
  unknown_job: /There is no such job/,
  completed: /It completed at .*, in attempt 1/,
  failed: /It failed for good at .* after 1 of 3 attempts .*no such template/,
  cancelled: /It was cancelled at /,
  running: /It is running on the-one since .*; the lease ends at /,
  stopping: /It is running on the-one.*It was asked to stop at /,
  scheduled: /It is not due before /,
  retry: /Attempt 1 of 3 failed \(the relay is down\); the next one is due at /,
  waiting_for_time: /Its handler waits until /,
  waiting_for: /Its handler waits for signal:paid/,
  dependencies: /It depends on 1 unfinished thing: job \d+ \(scheduled\)/,
  group_full: /Its group eu has 1 of 1 places taken, by job \d+/,
  queued: /It is ready, with 1 job ahead of it/,
  paused: /paused.*the relay is down/,
  no_workers: /No worker is running/,
  no_worker_for_type: /None of the 1 running workers/,
  no_worker_for_version: /under version 3.*none of the 1 running workers/s,
  pinned_version: /under version 3/,
}

describe.skipIf(url === '')('why a job is not running', { timeout: 60_000 }, () => {
  const admin = new pg.Pool({ connectionString: url, max: 1 })
  let queue: JobQueue
  let processor: Processor | undefined
  const ends: (() => void)[] = []
  const hang = (): Promise<void> => new Promise((resolve) => ends.push(resolve))

  const add = (jobType: string, more: object = {}): Promise<number> => queue.addJob({ jobType, payload: {}, ...more })
  /** Adds a job and waits until the worker has done with it what it is an example of. */
  const worked = async (jobType: string, kind: ExplainReason['kind'], more: object = {}): Promise<number> => {
    const id = await add(jobType, more)
    await poll(async () => (await queue.explain(id)).reasons[0]?.kind === kind)
    return id
  }
  const work = async (handlers: Parameters<JobQueue['createProcessor']>[0], concurrency: number): Promise<void> => {
    await processor?.stopAndDrain()
    processor = queue.createProcessor(handlers, {
      workerId: 'the-one',
      concurrency,
      prefetch: 0,
      heartbeat: 'main',
      onUnknownType: 'wait',
    })
    processor.startInBackground()
    await poll(async () => (await queue.getWorkers()).length === 1)
  }
  const slots = (concurrency: number): Promise<void> =>
    work(
      {
        good: () => 'sent',
        bad: () => {
          throw fatal(new Error('no such template'))
        },
        flaky: () => {
          throw new Error('the relay is down')
        },
        hang,
        versioned: {
          version: 3,
          handler: () => {
            throw new Error('not yet')
          },
        },
        sleeper: (_payload: unknown, _signal: unknown, ctx: { waitFor(wait: object): Promise<void> }) =>
          ctx.waitFor({ hours: 1 }),
        listener: (_payload: unknown, _signal: unknown, ctx: { waitForSignal(name: string): Promise<unknown> }) =>
          ctx.waitForSignal('paid'),
      } as never,
      concurrency,
    )

  /** How a job comes to be held up so; in this order, since what one leaves behind must not explain the next. */
  const jobs: Readonly<Record<ExplainReason['kind'], () => Promise<number>>> = {
    unknown_job: () => Promise.resolve(987_654_321),
    no_workers: () => add('good', { priority: -5 }),
    scheduled: () => add('good', { runAt: new Date(Date.now() + HOUR_S * 1000) }),
    dependencies: async () => {
      const before = await add('good', { runAt: new Date(Date.now() + HOUR_S * 1000) })
      return add('good', { dependsOn: { jobIds: [before] } })
    },
    cancelled: async () => {
      const id = await add('good')
      await queue.cancelJob(id)
      return id
    },
    paused: async () => {
      await queue.pause({ jobType: 'held' }, { reason: 'the relay is down' })
      return add('held')
    },
    completed: async () => {
      await slots(10)
      return worked('good', 'completed')
    },
    failed: () => worked('bad', 'failed'),
    retry: () => worked('flaky', 'retry', { retryDelay: HOUR_S }),
    waiting_for_time: () => worked('sleeper', 'waiting_for_time'),
    waiting_for: () => worked('listener', 'waiting_for'),
    running: () => worked('hang', 'running'),
    stopping: async () => {
      const id = await worked('hang', 'running')
      await queue.cancelJob(id)
      return id
    },
    group_full: async () => {
      await worked('hang', 'running', { queue: 'eu' })
      return worked('hang', 'group_full', { queue: 'eu' })
    },
    no_worker_for_type: () => add('nobody'),
    pinned_version: () => worked('versioned', 'retry', { retryDelay: HOUR_S }),
    no_worker_for_version: async () => {
      const id = await worked('versioned', 'retry', { retryDelay: HOUR_S })
      for (const end of ends.splice(0)) end()
      await work({ versioned: { version: 4, handler: hang } } as never, 1)
      return id
    },
    queued: async () => {
      await slots(1)
      for (const end of ends.splice(0)) end()
      await worked('hang', 'running')
      await add('hang', { priority: 3 })
      return add('hang', { priority: 2 })
    },
  }

  beforeAll(async () => {
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    queue = initJobQueue({ databaseConfig: { connectionString: url, max: 3 }, schema: SCHEMA, listen: false })
    await queue.ready()
  })
  afterAll(async () => {
    for (const end of ends.splice(0)) end()
    await queue.close({ drainMs: 1000 })
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    await admin.end()
  })

  it.each(Object.keys(jobs) as ExplainReason['kind'][])(
    '%s: the command line and the dashboard say so',
    async (kind) => {
      const id = await jobs[kind]()
      const [plain, json] = await Promise.all(
        [[], ['--json']].map((more) =>
          run(['explain', String(id), '--schema', SCHEMA, ...more], { env: { DATABASE_URL: url } }),
        ),
      )
      expect(plain?.stdout).toMatch(SAID[kind])
      expect([plain?.code, json?.code]).toEqual(kind === 'unknown_job' ? [1, 1] : [0, 0])
      const told = JSON.parse(json?.stdout ?? '{}') as { reasons: ExplainReason[] }
      expect(told.reasons.map((reason) => reason.kind)).toContain(kind)
      const dashboard = createDashboard(queue, { basePath: '/q' })
      const request = new Request(`http://localhost/q/api/jobs/${id}/explain`)
      const answer = await dashboard(request, { remoteAddress: '127.0.0.1' })
      const kinds = told.reasons.map((reason) => ({ kind: reason.kind }))
      // It names nothing that is not there.
      const wanted = kind === 'unknown_job' ? [404, {}] : [200, { jobId: id, reasons: kinds }]
      expect([answer.status, await answer.json()]).toMatchObject(wanted)
    },
  )
})
