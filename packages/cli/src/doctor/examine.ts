import type { Check } from './check.ts'
import type { JobQueue } from 'millrace'
import { checkDatabase, checkRights } from './database.ts'
import { checkJobs, checkSchema } from './jobs.ts'
import { checkVitals } from './vitals.ts'

/** From when on something takes too long, in milliseconds. */
export interface Patience {
  /** A job that is ready for longer is overdue. */
  readonly maxWait: number
  /** A transaction that is open for longer is too long. */
  readonly maxTransaction: number
}

export const USUAL_PATIENCE: Patience = { maxWait: 60_000, maxTransaction: 600_000 }

/** What is looked at. */
export interface Patient {
  readonly queue: JobQueue
  /** `null` on Redis: then only what the queue itself and the server tell is looked at. */
  readonly schema: string | null
  /** Whose rights are looked at; `undefined`: those of the role that is connected. */
  readonly role: string | undefined
}

/** All checks, as far as those before let the next ones look. */
export async function examine(patient: Patient, { maxWait, maxTransaction }: Patience): Promise<readonly Check[]> {
  const { queue, schema, role } = patient
  const opened = await checkSchema(queue)
  if (!opened.every(({ ok }) => ok)) return opened
  const vitals = async (): Promise<readonly Check[]> =>
    checkVitals(await queue.getVitals(), { maxTransactionMs: maxTransaction })
  if (schema === null) return [...opened, ...(await checkJobs(queue, maxWait)), ...(await vitals())]
  const place = { queue, schema, role }
  const rights = await checkRights(place)
  // Of another role than the one that looks, nothing depends on its rights.
  if (!rights.ok && role === undefined) return [...opened, rights]
  const jobs = await checkJobs(queue, maxWait)
  const database = await checkDatabase(place)
  return [...opened, rights, ...jobs, ...database, ...(await vitals())]
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
