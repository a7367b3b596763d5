import type { JobLogLine, LogLevel } from '../model/log.ts'
import type { LogEntry, LogResult, LogStore } from '../store/logs.ts'
import type { Row } from './executor.ts'
import { date, integer, json, text, timeColumn } from './rows.ts'
import type { Database } from './schema.ts'

const LEVELS: ReadonlyMap<string, LogLevel> = new Map([
  ['d', 'debug'],
  ['i', 'info'],
  ['w', 'warn'],
  ['e', 'error'],
])

const RESULTS: ReadonlyMap<unknown, LogResult> = new Map([
  ['s', 'stored'],
  ['b', 'busy'],
])

const LIST =
  `select l.id, ${timeColumn('l.at')}, l.level::text, l.attempt, l.message, l.fields::text from :schema.job_logs l ` +
  'where l.job_id = $1::bigint and l.id > $2::bigint order by l.id limit $3::integer'

export function logVerbs(db: Database): LogStore {
  return {
    async writeLogs({ entries }) {
      const answer = await db.value('select to_json(:schema.write_logs($1::jsonb))::text', [
        `[${entries.map((entry) => entryJson(entry)).join(',')}]`,
      ])
      const results: unknown = json(answer)
      return entries.map((_, at) => RESULTS.get(Array.isArray(results) ? results[at] : undefined) ?? 'lost')
    },
    async listLogs({ id, after, limit }) {
      const [lines, size] = await Promise.all([
        db.read(LIST, [id, after, limit]),
        db.read('select z.dropped from :schema.job_log_sizes z where z.job_id = $1::bigint', [id]),
      ])
      return { lines: lines.map(logLine), dropped: integer(size[0]?.[0] ?? 0) }
    },
  }
}

function entryJson({ id, token, attempt, dropped, lines }: LogEntry): string {
  const texts = lines.map(
    ({ agoMs, level, message, fields }) =>
      `[${Math.max(0, agoMs)},"${level.charAt(0)}",${JSON.stringify(message)},${fields ?? 'null'}]`,
  )
  return `{"id":${id},"token":${token},"attempt":${attempt},"dropped":${dropped},"lines":[${texts.join(',')}]}`
}

function logLine(row: Row): JobLogLine {
  const [id, at, level, attempt, message, fields] = row
  const read: unknown = fields === null ? null : json(fields)
  return {
    id: integer(id),
    at: date(at),
    level: LEVELS.get(text(level)) ?? 'info',
    attempt: integer(attempt),
    message: text(message),
    fields: typeof read === 'object' && read !== null ? { ...read } : null,
  }
}
