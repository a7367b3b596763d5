import type { LogEntry, LogStore } from 'millrace/store'
import { scripts } from './generated/lua.ts'
import type { Argument, RedisInstance } from './instance.ts'
import { integer, list, text } from './replies.ts'

const LEVELS = new Map([
  ['d', 'debug'],
  ['i', 'info'],
  ['w', 'warn'],
  ['e', 'error'],
] as const)

export function logVerbs(instance: RedisInstance): LogStore {
  return {
    async writeLogs({ entries }) {
      const results = list(await instance.run(scripts.write_logs, entries.flatMap(entryArguments)))
      return entries.map((_, at) => (results[at] === 1 ? 'stored' : 'lost'))
    },
    async listLogs({ id, after, limit }) {
      const [dropped, ...lines] = list(await instance.run(scripts.list_logs, [id, after, limit]))
      return { dropped: integer(dropped), lines: lines.map((line) => logLine(list(line))) }
    },
  }
}

function entryArguments({ id, token, attempt, dropped, lines }: LogEntry): Argument[] {
  return [
    id,
    token,
    attempt,
    dropped,
    lines.length,
    ...lines.flatMap(({ agoMs, level, message, fields }) => [
      Math.max(0, Math.round(agoMs)),
      level.charAt(0),
      message,
      fields ?? '',
    ]),
  ]
}

function logLine([id, at, attempt, level, message, fields]: readonly unknown[]): Awaited<
  ReturnType<LogStore['listLogs']>
>['lines'][number] {
  const read: unknown = fields === '' ? null : JSON.parse(text(fields))
  return {
    id: integer(id),
    at: new Date(integer(at)),
    attempt: integer(attempt),
    level: [...LEVELS].find(([letter]) => letter === level)?.[1] ?? 'info',
    message: text(message),
    fields: typeof read === 'object' && read !== null ? { ...read } : null,
  }
}
