import type { AuditEntry } from '../model/audit.ts'
import type { AuditStore } from '../store/audit.ts'
import type { Row } from './executor.ts'
import { date, integer, json, text, timeColumn } from './rows.ts'
import type { Database } from './schema.ts'

const LIST =
  `select a.id, ${timeColumn('a.at')}, a.actor, a.action, a.target::text, a.outcome::text, a.result::text from :schema.audit a ` +
  'where a.id < coalesce($1::bigint, 9223372036854775807) order by a.id desc limit $2::integer'

export function auditVerbs(db: Database): AuditStore {
  return {
    async beginAudit({ actor, action, target }) {
      return integer(
        await db.value('select :schema.begin_audit($1::text, $2::text, $3::json)', [actor, action, target]),
      )
    },
    async endAudit({ id, outcome, result }) {
      await db.query('select :schema.end_audit($1::bigint, $2::"char", $3::json)', [id, outcome.charAt(0), result])
    },
    async listAudit({ before, limit }) {
      return (await db.read(LIST, [before, limit])).map(auditEntry)
    },
  }
}

function auditEntry([id, at, actor, action, target, outcome, result]: Row): AuditEntry {
  const aim: unknown = json(target)
  const told: unknown = result === null ? null : json(result)
  return {
    id: integer(id),
    at: date(at),
    actor: text(actor),
    action: text(action),
    target: typeof aim === 'object' && aim !== null ? { ...aim } : {},
    outcome: outcome === 'd' ? 'done' : outcome === 'f' ? 'failed' : 'open',
    result: typeof told === 'string' || typeof told === 'number' || typeof told === 'boolean' ? told : null,
  }
}
