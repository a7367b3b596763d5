import type { Pool } from 'pg'
import {
  anyPayload,
  defineJobs,
  initJobQueue,
  type JobQueue,
  type JobRecord,
  PostgresBackend,
  type QueueBackend,
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
  const to: string = job.payload.to
  void [tags, errors, jobs, to]
}

export const pool: Pool = getQueue().getPool()
export const backend: QueueBackend = new PostgresBackend(pool)
export const batch: Promise<JobRecord<Payloads, 'email'>[]> = backend.getNextBatch<Payloads, 'email'>('me', 5)

const jobs = defineJobs({ email: { payload: anyPayload<{ to: string }>(), handler: ({ to }) => to } })
const defined = initJobQueue({ jobs, databaseConfig: {} })
void defined.addJob({ jobType: 'email', payload: { to: 'x' } })
// @ts-expect-error the payload of the definition
void defined.addJob({ jobType: 'email', payload: { to: 1 } })
