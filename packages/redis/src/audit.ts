import type { AuditStore } from 'millrace/store'
import { noTransactions } from './enqueue.ts'
import { scripts } from './generated/lua.ts'
import type { RedisInstance } from './instance.ts'
import { integer, list, text } from './replies.ts'

export function auditVerbs(instance: RedisInstance): AuditStore {
  return {
    async beginAudit({ actor, action, target, db }) {
      if (db !== undefined) throw noTransactions()
      return integer(await instance.run(scripts.begin_audit, [actor, action, target]))
    },
    async endAudit({ id, outcome, result }) {
      await instance.run(scripts.end_audit, [id, outcome, result])
    },
    async listAudit({ before, limit }) {
      const entries = list(await instance.run(scripts.list_audit, [before ?? '', limit]))
      return entries.map((entry) => {
        const [id, at, actor, action, target, outcome, result] = list(entry).map(text)
        const aim: unknown = JSON.parse(target ?? '{}')
        const told: unknown = result === '' || result === undefined ? null : JSON.parse(result)
        return {
          id: integer(id),
          at: new Date(integer(at)),
          actor: actor ?? '',
          action: action ?? '',
          target: typeof aim === 'object' && aim !== null ? { ...aim } : {},
          outcome: outcome === 'done' || outcome === 'failed' ? outcome : 'open',
          result: typeof told === 'string' || typeof told === 'number' || typeof told === 'boolean' ? told : null,
        }
      })
    },
  }
}
