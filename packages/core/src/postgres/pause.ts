import { refuseOption } from '../model/check.ts'
import type { Pause, ValidPauseScope } from '../model/pause.ts'
import type { PauseStore } from '../store/pause.ts'
import type { Row } from './executor.ts'
import { date, dateOrNull, textOrNull, timeColumn, timestamp } from './rows.ts'
import type { Database } from './schema.ts'

export function pauseVerbs(db: Database): PauseStore {
  return {
    async pause({ scope, options: { reason, by, until } }) {
      // Whether the end has passed is for the database's clock to say.
      const isNew = await db.value(
        'select case when $7::timestamptz <= clock_timestamp() then null else ' +
          ':schema.pause_jobs($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::timestamptz) end',
        [...scopeValues(scope), reason, by, until === null ? null : timestamp(until)],
      )
      if (isNew === null)
        refuseOption('until', until, "in the future by the database's clock", 'Leave it out to pause until `resume`')
    },
    async resume({ scope }) {
      const resumed = await db.value('select :schema.resume_jobs($1::text, $2::text, $3::text, $4::text)', [
        ...scopeValues(scope),
      ])
      return resumed === true
    },
    async listPauses() {
      return (await db.read(LIST)).map(pause)
    },
  }
}

function scopeValues({ jobType, queue, group, tenantId }: ValidPauseScope): readonly (string | null)[] {
  return [jobType ?? null, queue ?? null, group ?? null, tenantId ?? null]
}

const LIST =
  `select p.job_type, p.queue, p.group_id, p.tenant_id, p.reason, p.paused_by, ${timeColumn('p.paused_at')}, ` +
  `${timeColumn('p.paused_until')} from :schema.list_pauses() p`

function pause(row: Row): Pause {
  const [jobType, queue, group, tenantId, reason, by, pausedAt, until] = row
  return {
    scope: pauseScope({ jobType, queue, group, tenantId }),
    reason: textOrNull(reason),
    by: textOrNull(by),
    pausedAt: date(pausedAt),
    until: dateOrNull(until),
  }
}

/** Without the keys that are null. */
export function pauseScope(given: Readonly<Record<keyof ValidPauseScope, unknown>>): ValidPauseScope {
  const [jobType, queue, group, tenantId] = [given.jobType, given.queue, given.group, given.tenantId].map(textOrNull)
  return {
    ...(typeof jobType === 'string' && { jobType }),
    ...(typeof queue === 'string' && { queue }),
    ...(typeof group === 'string' && { group }),
    ...(typeof tenantId === 'string' && { tenantId }),
  }
}
