import type { AuditEntry } from '../model/audit.ts'
import type { AuditStore } from '../store/audit.ts'
import type { DatabaseClient } from '../store/enqueue.ts'
import type { Row } from './executor.ts'
import { date, integer, json, text, timeColumn } from './rows.ts'
import type { Database } from './schema.ts'
import { valueThrough } from './steps.ts'

// JSON goes as text, also below: a driver that knows the parameter for JSON, as postgres.js does, would encode the text once more.
const BEGIN = 'select :schema.begin_audit($1::text, $2::text, $3::text::json) as answer'
const END = 'select :schema.end_audit($1::bigint, $2::"char", $3::text::json)::text as answer'

const LIST =
  `select a.id, ${timeColumn('a.at')}, a.actor, a.action, a.target::text, a.outcome::text, a.result::text from :schema.audit a ` +
  'where a.id < coalesce($1::bigint, 9223372036854775807) order by a.id desc limit $2::integer'

export function auditVerbs(db: Database): AuditStore {
  const run = (client: DatabaseClient | undefined, template: string, values: unknown[]): Promise<unknown> =>
    client === undefined ? db.value(template, values) : valueThrough(db, client, template, values)
  return {
    async beginAudit({ actor, action, target, db: client }) {
      return integer(await run(client, BEGIN, [actor, action, target]))
    },
    async endAudit({ id, outcome, result, db: client }) {
      await run(client, END, [id, outcome.charAt(0), result])
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
