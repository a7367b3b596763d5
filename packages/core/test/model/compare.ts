import { deepStrictEqual, ok } from 'node:assert/strict'
import type { JobRecord } from '../../src/model/job.ts'
import type { ModelTarget, Stored } from '../support/model-target.ts'
import { isLive, newModelJob, statusOf, type ModelJob } from './job.ts'
import type { ModelQueue } from './queue.ts'

const LANES = { ready: 'r', timed: 't', group: 'g', running: 'x' } as const

/**
 * Reads everything, takes over what only the store can know (ids of dead letters, positions drawn in this step), after checking that it
 * is later than all before.
 */
export async function observe(target: ModelTarget, model: ModelQueue): Promise<Observation> {
  const records = await target.store.listJobs({ limit: 10_000 })
  const stored = await target.stored()
  const byId = new Map(records.map((record) => [record.id, record]))
  const before = model.lastDrawn
  for (const job of model.jobs.values()) adoptLetter(model, job, byId.get(job.id))
  for (const job of model.jobs.values()) {
    const actual = stored.live[String(job.id)]
    if (job.seq !== 'new' || actual === undefined) continue
    ok(actual.seq > before, `job ${job.id} takes a new position, after ${before}; it has ${actual.seq}`)
    job.seq = actual.seq
    model.lastDrawn = Math.max(model.lastDrawn, actual.seq)
  }
  return { byId, stored }
}

export interface Observation {
  readonly byId: ReadonlyMap<number, JobRecord>
  readonly stored: Stored
}

function adoptLetter(model: ModelQueue, job: ModelJob, record: JobRecord | undefined): void {
  if (job.letter !== 'new' || job.deadLetterJobType === null) return
  const id = record?.deadLetterJobId ?? null
  ok(id !== null && !model.jobs.has(id), `a dead letter of job ${job.id} is made, not ${id}`)
  job.letter = id
  model.jobs.set(id, newModelJob(id, { jobType: job.deadLetterJobType, maxAttempts: 1 }, model.now))
  model.lastDrawn = Math.max(model.lastDrawn, id)
}

/** Fails unless the store holds exactly what the model says. */
export function compare(model: ModelQueue, { byId, stored }: Observation): void {
  deepStrictEqual(stored.impossible, [], 'what is stored is possible')
  deepStrictEqual(
    [...byId.keys()].toSorted(ascending),
    [...model.jobs.keys()].toSorted(ascending),
    'the jobs there are',
  )
  for (const job of model.jobs.values()) {
    const record = byId.get(job.id)
    ok(record, `job ${job.id} is there`)
    deepStrictEqual(seen(record), expected(job), `job ${job.id}`)
    deepStrictEqual(place(stored, job.id), expectedPlace(job), `the place of job ${job.id}`)
  }
  deepStrictEqual(stored.keyed, [...model.keys.values()].toSorted(ascending), 'the keys in use')
  deepStrictEqual(stored.groupLimit, model.groupLimit, 'the limit of groups')
  deepStrictEqual(stored.workers, [...model.workers.keys()].toSorted(ascending), 'the workers there are')
}

function seen(record: JobRecord): object {
  const isTold = record.status === 'processing' || record.status === 'completed'
  return {
    status: record.status,
    jobType: record.jobType,
    attempts: record.attempts,
    maxAttempts: record.maxAttempts,
    priority: record.priority,
    isRetry: record.nextAttemptAt !== null,
    progress: isTold ? record.progress : null,
    output: isTold ? JSON.stringify(record.output ?? null) : 'null',
    key: record.idempotencyKey,
    group: record.groupId,
    letter: record.deadLetterJobId,
    errors: record.errorHistory.length,
  }
}

function expected(job: ModelJob): object {
  const isTold = job.place === 'running' || job.place === 'completed'
  return {
    status: statusOf(job),
    jobType: job.jobType,
    attempts: job.attempts,
    maxAttempts: job.maxAttempts,
    priority: job.priority,
    isRetry: job.isRetry,
    progress: isTold ? job.progress : null,
    output: isTold ? (job.output ?? 'null') : 'null',
    key: job.key,
    group: job.group,
    letter: job.letter,
    errors: job.errors,
  }
}

function place(stored: Stored, id: number): object | null {
  const actual = stored.live[String(id)]
  if (actual === undefined) return null
  const { lane, seq, token, worker } = actual
  return { lane, seq, worker, token: lane === 'x' ? token : null }
}

function expectedPlace(job: ModelJob): object | null {
  if (!isLive(job) || job.place === 'completed' || job.place === 'failed' || job.place === 'cancelled') return null
  const isRunning = job.place === 'running'
  return {
    lane: LANES[job.place],
    seq: job.seq,
    worker: isRunning ? job.worker : null,
    token: isRunning ? job.token : null,
  }
}

function ascending(a: number, b: number): number {
  return a - b
}
