import { randomUUID } from 'node:crypto'
import type { ExportPart, IdRange, MovedSchedule, PortableToken, TransferStore } from 'millrace/store'
import { scripts } from './generated/lua.ts'
import type { Argument, RedisInstance } from './instance.ts'
import { integer, list, text } from './replies.ts'
import { definitionFields, nextArgument } from './schedule.ts'
import { exportedJob, exportedToken } from './transfer-export.ts'
import { importedJob, importedTokenFields } from './transfer-import.ts'

/** Jobs in one call: a few milliseconds of the server's time. */
const LOT = 100

export function transferVerbs(instance: RedisInstance): TransferStore {
  return { ...exportVerbs(instance), ...importVerbs(instance) }
}

type Exporting = 'exportHead' | 'exportJobs' | 'countLive' | 'exportTokens'

function exportVerbs(instance: RedisInstance): Pick<TransferStore, Exporting> {
  return {
    async exportHead() {
      const [name, firstId, lastId, running, untold] = list(await instance.run(scripts.export_head, [randomUUID()]))
      return {
        instance: text(name),
        firstId: integer(firstId),
        lastId: integer(lastId),
        running: integer(running),
        untold: integer(untold),
      }
    },
    async exportJobs({ part, after, upTo, limit }) {
      const jobs = []
      for (let from = after; jobs.length < limit;) {
        const count = Math.min(LOT, limit - jobs.length)
        const args = [part === 'awaited' ? 1 : 0, from, upTo, count, ...SETS[part]]
        const [next, ...found] = list(await instance.run(scripts.export_jobs, args))
        jobs.push(...found.map((job) => exportedJob(list(job))))
        if (next === '') break
        from = integer(next)
      }
      return jobs
    },
    countLive: async ({ upTo }) => integer(await instance.run(scripts.count_live, [upTo])),
    async exportTokens({ after, limit }) {
      const tokens: PortableToken[] = []
      for (let cursor = '0'; ;) {
        const [next, found] = list(await instance.run(scripts.export_tokens, [cursor, 1000]))
        tokens.push(...list(found).map((token) => exportedToken(list(token))))
        if (next === '0') break
        cursor = text(next)
      }
      // Found in no order, and again and again.
      const distinct = new Map(tokens.map((token) => [token.id, token]))
      return [...distinct.values()]
        .filter(({ id }) => id > after)
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit)
    },
  }
}

function importVerbs(instance: RedisInstance): Omit<TransferStore, Exporting> {
  return {
    async beginImport({ source, firstId, lastId }) {
      const ranges: unknown = JSON.parse(text(await instance.run(scripts.begin_import, [source, firstId, lastId])))
      return list(ranges) as readonly IdRange[]
    },
    async importJobs({ source, sourceIds, jobs }) {
      let [imported, keysTaken] = [0, 0]
      for (let at = 0; at < jobs.length; at += LOT) {
        const lot = jobs.slice(at, at + LOT)
        const args = lot.flatMap((job, n) => importedJob(sourceIds[at + n] ?? job.id, job))
        const [added, taken] = list(await instance.run(scripts.import_jobs, [source, lot.length, ...args]))
        imported += integer(added)
        keysTaken += integer(taken)
      }
      return { imported, keysTaken }
    },
    async importTokens({ tokens }) {
      const args = tokens.flatMap((token) => [token.id, JSON.stringify(importedTokenFields(token))])
      return args.length === 0 ? 0 : integer(await instance.run(scripts.import_tokens, args))
    },
    async importSchedules({ schedules }) {
      const args = schedules.flatMap(movedArguments)
      return integer(await instance.run(scripts.import_schedules, [schedules.length, ...args]))
    },
    async endImport({ ranges }) {
      for (const { from, to, shift } of ranges) {
        for (let cursor = '0'; ;) {
          cursor = text(await instance.run(scripts.end_import, [from + shift, to + shift, cursor]))
          if (cursor === '0') break
        }
      }
    },
  }
}

const SETS: Readonly<Record<ExportPart, readonly string[]>> = {
  live: ['live'],
  awaited: ['dead:f', 'dead:c'],
  ended: ['done', 'dead:f', 'dead:c'],
}

/** How many fields, then name and value of each; see `lua/lib/schedules.lua`. */
function movedArguments(schedule: MovedSchedule): Argument[] {
  const { name, tenantId, owner, status, nextRunAt, lastTickAt, lastEnqueuedAt, lastJobId, createdAt } = schedule
  const fields: Readonly<Record<string, Argument>> = {
    ...definitionFields(schedule),
    name,
    tenant: tenantId ?? '',
    owner: owner ?? '',
    status: status.charAt(0),
    next: nextArgument(nextRunAt),
    lastTick: nextArgument(lastTickAt),
    lastEnqueued: nextArgument(lastEnqueuedAt),
    lastJob: lastJobId ?? '',
    created: createdAt.getTime(),
  }
  const entries = Object.entries(fields)
  return [entries.length, ...entries.flat()]
}
