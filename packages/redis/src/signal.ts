import type { DeliveryResult, SignalStore, StoredToken } from 'millrace/store'
import { noTransactions } from './enqueue.ts'
import { scripts } from './generated/lua.ts'
import type { Argument, RedisInstance } from './instance.ts'
import { Fields, integer, list, text } from './replies.ts'
import { storedValue } from './steps.ts'

const MOST_EXPIRED = 1000

export function signalVerbs(instance: RedisInstance): SignalStore {
  return {
    async createToken({ tokenId, timeoutMs, tags, jobId, db }) {
      if (db !== undefined) throw noTransactions()
      await instance.run(scripts.create_token, [tokenId, ...tokenArguments(timeoutMs, tags), jobId ?? ''])
    },
    async createJobToken({ id, token, tokenId, timeoutMs, tags, key, attempt }) {
      const args = [tokenId, ...tokenArguments(timeoutMs, tags), id, token, key, attempt]
      const made = await instance.run(scripts.create_token, args)
      return made === 0 ? 'lost' : { id: text(made) }
    },
    async completeToken({ tokenId, output, db }) {
      if (db !== undefined) throw noTransactions()
      const args = [tokenId, output.text, output.codec === 'rich' ? 1 : 0]
      return delivery(await instance.run(scripts.complete_token, args))
    },
    async getToken({ tokenId }) {
      const flat = list(await instance.run(scripts.get_token, [tokenId]))
      return flat.length === 0 ? null : storedToken(tokenId, new Fields(flat))
    },
    async expireTokens() {
      for (let total = 0; ;) {
        const count = integer(await instance.run(scripts.expire_tokens, [MOST_EXPIRED]))
        total += count
        if (count < MOST_EXPIRED) return total
      }
    },
    async signalJob({ id, name, data, db }) {
      if (db !== undefined) throw noTransactions()
      const args = [id, name, data.text, data.codec === 'rich' ? 1 : 0]
      return delivery(await instance.run(scripts.signal_job, args))
    },
    async sendEvent({ name, data, db }) {
      if (db !== undefined) throw noTransactions()
      const args = [name, data.text, data.codec === 'rich' ? 1 : 0]
      return integer(await instance.run(scripts.send_event, args))
    },
  }
}

function tokenArguments(timeoutMs: number | null, tags: readonly string[] | null): Argument[] {
  return [timeoutMs === null ? '' : Math.floor(timeoutMs), tags === null ? '' : JSON.stringify(tags)]
}

function delivery(answer: unknown): DeliveryResult {
  return answer === 'changed' || answer === 'unchanged' ? answer : 'not_found'
}

const STATUSES: Readonly<Record<string, StoredToken['status']>> = { w: 'waiting', c: 'completed', t: 'timed_out' }

function storedToken(id: string, fields: Fields): StoredToken {
  const output = fields.textOrNull('output')
  return {
    id,
    jobId: fields.numberOrNull('job'),
    status: STATUSES[fields.text('status')] ?? 'waiting',
    output: output === null ? null : storedValue(output, fields.textOrNull('rich') === '1'),
    timeoutAt: fields.dateOrNull('timeout'),
    createdAt: new Date(integer(fields.text('created'))),
    completedAt: fields.dateOrNull('completed'),
    tags: fields.stringsOrNull('tags'),
  }
}
