import { type JobQueue, MillraceError } from 'millrace'
import { databaseJobs } from './database-jobs.ts'
import { dataqueue } from './dataqueue.ts'
import type { ImportSource, Prepared, Survey, System } from './source.ts'
import { askOne, count, quoted } from './tx.ts'

export interface ImportOptions {
  readonly system: System
  /** Where its tables are, or where they go; each system has its own. */
  readonly fromSchema: string | undefined
  /** The schema of our instance. */
  readonly schema: string
  /** What becomes of jobs that its workers hold: refuse to begin, leave them to their workers, or take them as of dead ones. */
  readonly held: 'refuse' | 'leave' | 'take'
  readonly signal: AbortSignal
}

export interface Imported extends Prepared {
  readonly jobs: number
  readonly deadLetters: number
  /** Jobs that went because one here has their key. */
  readonly sameKey: number
  readonly left: Survey
}

/** Definitions wait for those who use them; jobs of a batch are in one statement. */
const TIME_LIMIT_MS = 60_000

export function sourceOf({
  system,
  fromSchema,
  schema,
}: Pick<ImportOptions, 'system' | 'fromSchema' | 'schema'>): ImportSource {
  const sources: Readonly<Record<System, () => ImportSource>> = {
    dataqueue: () => dataqueue(fromSchema ?? 'public'),
    'database-jobs': () => databaseJobs(schema, fromSchema ?? 'app_jobs_before'),
  }
  return sources[system]()
}

/**
 * Moves what waits and what has failed in another system's tables, in batches: each row leaves in the transaction that adds its job
 * here and counts them, so that it can be broken off and repeated at any time.
 *
 * @throws MillraceError `IMPORT_REFUSED` if its workers hold jobs, and nobody said what becomes of these
 */
export async function importFrom(queue: JobQueue, source: ImportSource, options: ImportOptions): Promise<Imported> {
  const { schema, held, signal } = options
  const before = await source.survey(queue.getPool())
  if (before.held > 0 && held === 'refuse') throw heldRefused(before.held)
  const prepared = await queue.transaction((tx) => source.prepare(tx), { timeoutMs: TIME_LIMIT_MS })
  const move = source.move.replace(':schema', () => quoted(schema))
  const total = { jobs: 0, deadLetters: 0, sameKey: 0 }
  while (!signal.aborted) {
    const batch = await queue.transaction((tx) => askOne(tx, move, [source.from, held === 'take']), {
      timeoutMs: TIME_LIMIT_MS,
    })
    const [jobs, dead, same] = [count(batch['moved']), count(batch['dead']), count(batch['same_key'])]
    if (jobs + dead + same === 0) break
    total.jobs += jobs
    total.deadLetters += dead
    total.sameKey += same
  }
  return { ...total, ...prepared, left: await source.survey(queue.getPool()) }
}

function heldRefused(held: number): MillraceError {
  return new MillraceError('IMPORT_REFUSED', `Its workers hold ${held} jobs. Nothing has been changed.`, {
    details: {
      field: '--held',
      value: held,
      remedy: 'stop them and wait, or pass --held leave (they end what they hold), or --held take (they are dead)',
    },
  })
}
