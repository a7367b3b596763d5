import type { Lab } from './lab.ts'

/** How often a handler did something, by job and name. */
export interface Effect {
  readonly jobId: number
  readonly name: string
  readonly times: number
}

/** The tables that `fixtures/step-handlers.mjs` writes to. The instance is there by then. */
export async function createEffects(lab: Lab): Promise<void> {
  await lab.sql(`create table "${lab.schema}".test_effects (job_id bigint not null, name text not null)`)
  await lab.sql(
    `create table "${lab.schema}".test_starts (job_id bigint not null, name text not null, was_stored boolean not null)`,
  )
}

export async function effectsOf(lab: Lab): Promise<Effect[]> {
  const rows = await lab.sql(
    `select job_id::float8 as id, name, count(*)::int as times from "${lab.schema}".test_effects group by job_id, name order by job_id, name`,
  )
  return rows.map((row) => ({ jobId: Number(row['id']), name: String(row['name']), times: Number(row['times']) }))
}

/** How many steps began, and how many of them although their result was stored. */
export async function startsOf(lab: Lab): Promise<{ readonly all: number; readonly again: number }> {
  const [row] = await lab.sql(
    `select count(*)::int as n, count(*) filter (where was_stored)::int as again from "${lab.schema}".test_starts`,
  )
  return { all: Number(row?.['n']), again: Number(row?.['again']) }
}

/** Makes the lease of a worker that is dead run out at once, instead of after `leaseMs`. */
export async function expireLease(lab: Lab, workerId: string): Promise<void> {
  await lab.sql(`update "${lab.schema}".workers set expires_at = clock_timestamp() where worker_id = $1`, [workerId])
}
