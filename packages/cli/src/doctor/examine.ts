import type { Check } from './check.ts'
import type { JobQueue } from 'millrace'
import { checkDatabase, checkRights, countDead } from './database.ts'
import { checkDeadLetters, checkJobs, checkSchema } from './jobs.ts'
import type { Place } from './place.ts'
import { checkPooler } from './pooler.ts'
import { checkRedis } from './redis.ts'
import { checkServer } from './server.ts'
import { checkVitals } from './vitals.ts'

/** From when on something takes too long, in milliseconds, or is too much. */
export interface Patience {
  /** A job that is ready for longer is overdue. */
  readonly maxWait: number
  /** A transaction that is open for longer is too long. */
  readonly maxTransaction: number
  /** A pause that is older may be forgotten. */
  readonly maxPause: number
  /** Jobs that may fail for good within an hour. */
  readonly maxDead: number
  /** How many transactions behind anything may be, of 2,000 million at which the server stops. */
  readonly maxXidAge: number
  /** A pooler in transaction mode is meant to be in between. */
  readonly pooled?: true
}

export const USUAL_PATIENCE: Patience = {
  maxWait: 60_000,
  maxTransaction: 600_000,
  maxPause: 86_400_000,
  maxDead: 100,
  maxXidAge: 500_000_000,
}

/** What is looked at. */
export interface Patient {
  readonly queue: JobQueue
  /** `null` on Redis: then only what the queue itself and the server tell is looked at. */
  readonly schema: string | null
  /** Whose rights are looked at; `undefined`: those of the role that is connected. */
  readonly role: string | undefined
}

/** All checks, as far as those before let the next ones look. */
export async function examine(patient: Patient, patience: Patience): Promise<readonly Check[]> {
  const { queue, schema, role } = patient
  const place = schema === null ? null : { queue, schema, role }
  const opened = await checkSchema(queue, place === null ? undefined : () => checkRights({ ...place, role: undefined }))
  if (!opened.every(({ ok }) => ok)) return opened
  if (place === null) return [...opened, ...(await examineRedis(queue, patience))]
  const rights = await checkRights(place)
  // Of another role than the one that looks, nothing depends on its rights.
  if (!rights.ok && role === undefined) return [...opened, rights]
  return [...opened, rights, ...(await examineSql(place, patience))]
}

async function examineRedis(queue: JobQueue, patience: Patience): Promise<readonly Check[]> {
  const jobs = await checkJobs(queue, patience)
  const [series] = await queue.getMetrics({ minutes: 60 })
  const dead = checkDeadLetters(series?.total.failed ?? 0, patience.maxDead)
  return [...jobs, dead, ...(await checkRedis(queue)), ...checkVitals(await queue.getVitals(), patience)]
}

async function examineSql(place: Place, patience: Patience): Promise<readonly Check[]> {
  const { queue } = place
  const vitals = await queue.getVitals()
  const jobs = await checkJobs(queue, patience)
  const dead = checkDeadLetters(await countDead(place, patience.maxDead + 1), patience.maxDead)
  const database = await checkDatabase(place)
  const server = await checkServer(place, patience)
  const pooler = vitals.kind === 'postgres' ? [await checkPooler(queue, { isMeant: patience.pooled === true })] : []
  return [...jobs, dead, ...database, ...server, ...pooler, ...checkVitals(vitals, patience)]
}

/** What programs are told. */
export interface Told extends Omit<Check, 'fix'> {
  /** Whether `--fix` does something about it. */
  readonly fixable: boolean
}

export function told(checks: readonly Check[]): { readonly ok: boolean; readonly checks: readonly Told[] } {
  const shown = checks.map(({ fix, ...check }) => ({ ...check, fixable: fix !== undefined }))
  return { ok: checks.every(({ ok }) => ok), checks: shown }
}
