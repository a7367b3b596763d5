import { MillraceError } from 'millrace'
import type { DataSource } from 'typeorm'
import { DEFAULT_SCHEMA, JobEntity, jobEntity, JobTypeLockEntity } from './job-entity.ts'
import { jobSystemSql, VERSION } from './views.ts'

/** What statements run on: the data source, or an entity manager in a transaction. */
export interface Runner {
  query(text: string, values?: unknown[]): Promise<unknown>
}

export interface DatabaseOptions {
  readonly schema: string
  readonly migrate: 'auto' | 'check'
}

/** The views of the job system in one schema. */
export class JobSystemDatabase {
  readonly #source: DataSource
  readonly #options: DatabaseOptions
  readonly #schema: string

  constructor(source: DataSource, options: DatabaseOptions) {
    this.#source = source
    this.#options = options
    this.#schema = `"${options.schema.replaceAll('"', '""')}"`
  }

  /** Makes the views unless they are there; without DDL when they are. @throws MillraceError `SCHEMA_MISSING` */
  async prepare(): Promise<void> {
    this.#pointEntities()
    if (!(await this.#isCurrent(this.#source))) await this.#create()
    // Marks of jobs that retention has deleted.
    await this.#source.query(
      `delete from ${this.#schema}.job_system_marks m where not exists (select from ${this.#schema}.job_system_jobs j where j.id = m.job_id)`,
    )
  }

  /** The job, unless it is soft-deleted. */
  async find(id: number): Promise<JobEntity | null> {
    const job = await this.read(id, this.#source)
    return job?.deletedAt === null ? job : null
  }

  /** The job, also a soft-deleted one. */
  async read(id: number, on: Runner = this.#source): Promise<JobEntity | null> {
    const rows = await rowsOf(on, `select * from ${this.#schema}.job_system_jobs where id = $1`, [id])
    return rows[0] === undefined ? null : jobEntity(rows[0])
  }

  async markCanceled(id: number, canceledBy: string): Promise<void> {
    await this.#source.query(
      `insert into ${this.#schema}.job_system_marks as m (job_id, canceled_by)
       select j.id, $2 from ${this.#schema}.job_system_jobs j where j.id = $1 and j.status in ('scheduled', 'processing')
       on conflict (job_id) do update set canceled_by = excluded.canceled_by`,
      [id, canceledBy],
    )
  }

  /** Whether there was a job to hide. */
  async softDelete(id: number): Promise<boolean> {
    const rows = await rowsOf(
      this.#source,
      `with hidden as (update ${this.#schema}.job_system_jobs set deleted_at = now() where id = $1 and deleted_at is null returning id)
       select id from hidden`,
      [id],
    )
    return rows.length > 0
  }

  /** Ends the attempt that runs, as a success with this result or a final failure with this message. False: none runs. */
  async end(id: number, how: 'success' | 'failure', text: string | undefined): Promise<boolean> {
    const s = this.#schema
    const call =
      how === 'success'
        ? `${s}.complete_job(j.id, j.token, jsonb_build_object('jobSystem',
             coalesce(j.output -> 'jobSystem', '{}') || jsonb_strip_nulls(jsonb_build_object('result', $2::text))))`
        : `${s}.fail_job(j.id, j.token, $2::text, final => true)`
    // The worker is told that it has lost the attempt, as after a retry of a running job.
    const rows = await rowsOf(
      this.#source,
      `with e as (
         select j.id, j.token, j.worker, ${call} as ended from ${s}.jobs j
         where j.id = $1 and j.lane = 'x' and j.payload ? 'jobSystem'
       ), told as (
         insert into ${s}.cancel_requests (job_id, token, worker, lost)
         select e.id, e.token, e.worker, true from e where e.ended and e.worker is not null
         on conflict (job_id, token) do update set lost = true
       )
       select ended from e`,
      [id, text ?? null],
    )
    return rows[0]?.['ended'] === true
  }

  /** Types of jobs that are due, with their number among the first 10,000 live jobs. */
  async dueTypes(): Promise<readonly { readonly type: string; readonly jobs: number }[]> {
    const rows = await rowsOf(
      this.#source,
      `select job_type as type, count(*)::int as jobs from (
         select job_type from ${this.#schema}.jobs where lane in ('r', 'g') and payload ? 'jobSystem' limit 10000) due
       group by job_type order by job_type`,
    )
    return rows.map((row) => ({ type: String(row['type']), jobs: Number(row['jobs']) }))
  }

  /** The entities name the default schema; on this data source they mean that of the instance. */
  #pointEntities(): void {
    const { schema } = this.#options
    if (schema === DEFAULT_SCHEMA) return
    for (const entity of [JobEntity, JobTypeLockEntity]) {
      if (!this.#source.hasMetadata(entity)) continue
      const metadata = this.#source.getMetadata(entity)
      metadata.schema = schema
      metadata.tablePath = `${schema}.${metadata.tableName}`
    }
  }

  async #isCurrent(on: Runner): Promise<boolean> {
    const name = `${this.#schema}.job_system_jobs`
    const rows = await rowsOf(on, `select obj_description(to_regclass($1), 'pg_class') as version`, [name])
    return rows[0]?.['version'] === VERSION
  }

  async #create(): Promise<void> {
    const { schema, migrate } = this.#options
    if (migrate === 'check') {
      const remedy = 'Run the statements of `jobSystemSql(schema)` in a migration, or leave `migrate` out'
      throw new MillraceError(
        'SCHEMA_MISSING',
        `The views of the job system are not in schema "${schema}". ${remedy}.`,
        {
          details: { field: 'migrate', value: migrate, remedy },
        },
      )
    }
    await this.#source.transaction(async (manager) => {
      // Two processes that start at once must not both make the same thing.
      await manager.query('select pg_advisory_xact_lock(hashtextextended($1::text, 0))::text', [`${schema} job system`])
      if (await this.#isCurrent(manager)) return
      for (const statement of jobSystemSql(schema)) await manager.query(statement)
    })
  }
}

async function rowsOf(on: Runner, text: string, values?: unknown[]): Promise<Readonly<Record<string, unknown>>[]> {
  const answer = await on.query(text, values)
  return Array.isArray(answer) ? answer : []
}
