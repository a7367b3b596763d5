import type { Check } from './check.ts'
import { checkDatabase, checkRights, type Place } from './database.ts'
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

/** All checks, as far as those before let the next ones look. */
export async function examine(place: Place, { maxWait, maxTransaction }: Patience): Promise<readonly Check[]> {
  const opened = await checkSchema(place.queue)
  if (!opened.every(({ ok }) => ok)) return opened
  const rights = await checkRights(place)
  // Of another role than the one that looks, nothing depends on its rights.
  if (!rights.ok && place.role === undefined) return [...opened, rights]
  const jobs = await checkJobs(place.queue, maxWait)
  const database = await checkDatabase(place)
  const vitals = checkVitals(await place.queue.getVitals(), { maxTransactionMs: maxTransaction })
  return [...opened, rights, ...jobs, ...database, ...vitals]
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
