import { MillraceError } from 'millrace'
import type { ImportSource, Survey } from './source.ts'
import { askOne, count, quoted } from './tx.ts'

/**
 * `job_queue` of `@nicnocquee/dataqueue`.
 *
 * @param schema - That of its table.
 */
export function dataqueue(schema: string): ImportSource {
  const from = `${quoted(schema)}.job_queue`
  return {
    from,
    move: 'select * from :schema.import_dataqueue($1, $2)',
    async survey(db): Promise<Survey> {
      const { there } = await askOne(db, 'select to_regclass($1) is not null as there', [from])
      if (there !== true) throw missing(schema)
      const row = await askOne(
        db,
        `select
          count(*) filter (where status = 'pending' or status = 'failed' and not is_over) as live,
          count(*) filter (where status = 'failed' and is_over) as dead,
          count(*) filter (where status = 'processing') as held,
          count(*) filter (where status not in ('pending', 'failed', 'processing')) as stays
        from (select q.status, q.next_attempt_at is null or q.attempts >= q.max_attempts as is_over from ${from} q) q`,
      )
      return {
        live: count(row['live']),
        dead: count(row['dead']),
        held: count(row['held']),
        stays: count(row['stays']),
        schedules: 0,
      }
    },
    prepare: () => Promise.resolve({ schedules: 0, triggers: 0, refused: [] }),
  }
}

function missing(schema: string): MillraceError {
  return new MillraceError('IMPORT_REFUSED', `There is no table job_queue in schema ${schema}.`, {
    details: { field: '--from-schema', value: schema, remedy: 'name the schema of its tables: --from-schema NAME' },
  })
}
