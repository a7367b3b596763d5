import type { Pool } from 'pg'
import {
  anyPayload,
  type CronScheduleRecord,
  type DeadLetterPayloadEnvelope,
  defineJobs,
  defineSchedules,
  initJobQueue,
  type JobQueue,
  type JobRecord,
  type JobQueueConfig,
  PostgresBackend,
  type QueueBackend,
  type WaitpointRecord,
} from './index.ts'

// What programs written for seed 003 say, and must go on compiling.

interface Payloads {
  email: { to: string }
  report: { id: number }
}

let singleton: ReturnType<typeof initJobQueue<Payloads>> | undefined
export const getQueue = (): JobQueue<Payloads> => (singleton ??= initJobQueue<Payloads>({ databaseConfig: {} }))

export async function reads(queue: JobQueue<Payloads>, job: JobRecord<Payloads, 'email'>): Promise<void> {
  const tags: string[] = job.tags ?? []
  const errors: { message: string; timestamp: string }[] = job.errorHistory
  const jobs: JobRecord<Payloads, 'email'>[] = await queue.getJobs<'email'>({ jobType: 'email' }, 10, 0)
  // A name that comes from a request is no literal of the map.
  const named: string = jobs[0]?.jobType ?? ''
  void queue.getJobs({ jobType: named })
  void queue.editAllPendingJobs({ jobType: [named, 'email'] }, { priority: 1 })
  const to: string = job.payload.to
  void [tags, errors, jobs, to]
}

export async function history(queue: JobQueue<Payloads>): Promise<string | undefined> {
  const [event] = await queue.getJobEvents(1)
  const letter: number | undefined = event?.metadata.deadLetterJobId
  const other: unknown = event?.metadata['anything']
  void [letter, other]
  return event?.metadata.message
}

export async function later(queue: JobQueue<Payloads>): Promise<void> {
  const id: number = await queue.addCronJob({
    scheduleName: 'daily',
    cronExpression: '0 9 * * *',
    timezone: 'Europe/Berlin',
    jobType: 'report',
    payload: { id: 1 },
    allowOverlap: true,
  })
  // @ts-expect-error the payload of another type
  void queue.addCronJob({ scheduleName: 'a', cronExpression: '* * * * *', jobType: 'report', payload: { to: 'x' } })
  await queue.editCronJob(id, { cronExpression: '0 8 * * *', timeoutMs: null, payload: { id: 2 } })
  const schedules: CronScheduleRecord[] = await queue.listCronJobs('paused')
  const { id: tokenId } = await queue.createToken({ timeout: '24h', tags: ['a'] })
  await queue.completeToken(tokenId, { approved: true })
  const token: WaitpointRecord | null = await queue.getToken(tokenId)
  void [schedules, token]
}

export const redis: JobQueueConfig = { backend: 'redis', redisConfig: { url: 'redis://localhost', tls: {} } }
export const letter: DeadLetterPayloadEnvelope = {
  originalJob: { id: 1, jobType: 'email', attempts: 3, maxAttempts: 3 },
  originalPayload: { to: 'x' },
  failure: { message: 'no luck', reason: 'handler_error', failedAt: '2026-01-01T00:00:00Z' },
}

export const pool: Pool = getQueue().getPool()
export const backend: QueueBackend = new PostgresBackend(pool)
export const batch: Promise<JobRecord<Payloads, 'email'>[]> = backend.getNextBatch<Payloads, 'email'>('me', 5)

const jobs = defineJobs({ email: { payload: anyPayload<{ to: string }>(), handler: ({ to }) => to } })
const defined = initJobQueue({ jobs, databaseConfig: {} })
void defined.addJob({ jobType: 'email', payload: { to: 'x' } })
// @ts-expect-error the payload of the definition
void defined.addJob({ jobType: 'email', payload: { to: 1 } })

const tick = { cronExpression: '@daily' } as const
export const declared = defineSchedules(jobs, { a: { ...tick, jobType: 'email', payload: { to: 'x' } } })
export const ofMap = defineSchedules<Payloads>({ a: { ...tick, jobType: 'report', payload: { id: 1 } } })
void initJobQueue({ jobs, schedules: declared, databaseConfig: {} })
void initJobQueue<Payloads>({ schedules: ofMap, databaseConfig: {} })
// @ts-expect-error no such job type
void defineSchedules(jobs, { a: { ...tick, jobType: 'other', payload: { to: 'x' } } })
// @ts-expect-error the payload of another type
void defineSchedules<Payloads>({ a: { ...tick, jobType: 'report', payload: { to: 'x' } } })
