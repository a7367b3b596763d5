import type {
  ClaimedJob,
  ClaimStore,
  ExchangeOptions,
  ExchangeResult,
  HousekeepingResult,
  ReadyBound,
} from 'millrace/store'
import { scripts } from './generated/lua.ts'
import type { Argument, RedisInstance } from './instance.ts'
import { Fields, groupOf, integer, jobSchedule, list, text } from './replies.ts'
import { settlementArguments, settleResults } from './settle.ts'

export function claimVerbs(instance: RedisInstance): ClaimStore {
  return {
    async register(options) {
      const { groupConcurrency, jobTypes, versions } = options
      return integer(
        await instance.run(scripts.register, [
          options.leaseMs,
          'workerId',
          options.workerId,
          'concurrency',
          options.concurrency,
          'host',
          options.host,
          'pid',
          options.pid,
          'version',
          options.version,
          ...(groupConcurrency === undefined ? [] : ['groupConcurrency', groupConcurrency]),
          ...(jobTypes === undefined ? [] : ['jobTypes', JSON.stringify(jobTypes)]),
          ...(versions === undefined ? [] : ['versions', JSON.stringify(versions)]),
        ]),
      )
    },
    async unregister({ worker }) {
      await instance.run(scripts.unregister, [worker])
    },
    async exchange(options) {
      const answer = await instance.run(scripts.exchange, exchangeArguments(options))
      return exchangeResult(list(answer), options)
    },
    async heartbeat({ worker, leaseMs }) {
      return (await instance.run(scripts.heartbeat, [worker, leaseMs])) === 1
    },
    async leased({ worker, known }) {
      const jobs = list(await instance.run(scripts.leased, [worker, ...known]))
      return jobs
        .map((job) => leasedJob(list(job)))
        .toSorted((a, b) => b.priority - a.priority || a.readySeq - b.readySeq)
    },
  }
}

function exchangeArguments(options: ExchangeOptions): Argument[] {
  const { jobTypes, from, closedTokens = [], versions } = options
  const bounds = from === 'sweep' ? null : from
  return [
    options.worker,
    options.limit,
    options.slots,
    exchangeFlags(options),
    options.heartbeatMs ?? '',
    versions === undefined ? '' : JSON.stringify(versions),
    ...counted(jobTypes),
    ...(bounds === null ? [-1] : [bounds.length, ...bounds.flatMap(({ priority, fromSeq }) => [priority, fromSeq])]),
    closedTokens.length,
    ...closedTokens,
    ...settlementArguments(options.settlements),
  ]
}

function exchangeFlags({ sleeping, housekeeping, keepCompleted, groups }: ExchangeOptions): string {
  const rest = sleeping ? 's' : 'a'
  return [
    sleeping === undefined ? '' : rest,
    housekeeping ? 'h' : '',
    keepCompleted ? 'k' : '',
    groups ? 'g' : '',
  ].join('')
}

/** How many, then each; -1: no list at all. */
function counted(values: readonly string[] | undefined): Argument[] {
  return values === undefined ? [-1] : [values.length, ...values]
}

function exchangeResult(answer: readonly unknown[], options: ExchangeOptions): ExchangeResult {
  const [lost, token, levels, flags, house, jobs] = answer
  const told = text(flags)
  const claimed = list(jobs)
  const asksLevels = options.from === 'sweep' && options.limit > 0
  return {
    jobs: claimed.length === 0 ? [] : claimed.map((job) => claimedJob(list(job), integer(token))),
    settled: settleResults(options.settlements, lost),
    alive: !told.includes('d'),
    ...(told.includes('h') ? { hasHeld: true } : {}),
    ...(told.includes('p') ? { hasMorePaused: true } : {}),
    ...(told.includes('b') ? { hasBusyGroups: true } : {}),
    ...(asksLevels || list(levels).length > 0 ? { levels: readyLevels(list(levels)) } : {}),
    ...(options.housekeeping === true ? { housekeeping: housekeepingResult(list(house)) } : {}),
  }
}

function readyLevels(flat: readonly unknown[]): 'many' | ReadyBound[] {
  if (flat.length > 32) return 'many'
  const levels: ReadyBound[] = []
  for (let at = 0; at < flat.length; at += 2)
    levels.push({ priority: integer(flat[at]), fromSeq: integer(flat[at + 1]) })
  return levels
}

function housekeepingResult([rescued, promoted, next, schedules, requests]: readonly unknown[]): HousekeepingResult {
  const flat = list(requests)
  const cancelRequests: { id: number; token: number; lost: boolean }[] = []
  for (let at = 0; at < flat.length; at += 3)
    cancelRequests.push({ id: integer(flat[at]), token: integer(flat[at + 1]), lost: flat[at + 2] === '1' })
  return {
    nextDueMs: next === '' ? null : Number(next),
    cancelRequests,
    rescued: integer(rescued),
    promoted: integer(promoted),
    schedulesDueMs: schedules === '' ? null : Number(schedules),
  }
}

/** The same with the token, and fields as they are now: since the claim. */
function leasedJob(answer: readonly unknown[]): ClaimedJob {
  const { isAgain: _isAgain, ...job } = claimedJob(answer, integer(answer[4]))
  const fields = new Fields(answer[3])
  return fields.text('st') === fields.text('cl') ? job : { ...job, isAgain: true }
}

/** {id, attempt, handler version, stored fields as they were before the claim}. */
function claimedJob([id, attempt, version, flat]: readonly unknown[], token: number): ClaimedJob {
  const fields = new Fields(flat)
  const { groupId, queue } = groupOf(fields)
  return {
    id: integer(id),
    token,
    jobType: fields.text('n'),
    payload: fields.text('p'),
    codec: fields.has('rich') ? 'rich' : 'json',
    attempt: integer(attempt),
    maxAttempts: fields.number('m', 3),
    priority: fields.number('y', 0),
    readySeq: fields.number('s', integer(id)),
    timeoutMs: fields.numberOrNull('to'),
    forceKillOnTimeout: fields.has('fk'),
    tags: fields.stringsOrNull('tg'),
    idempotencyKey: fields.textOrNull('ik'),
    groupId,
    tenantId: fields.textOrNull('tn'),
    createdAt: new Date(integer(fields.text('c'))).toISOString(),
    retry: {
      delay: fields.numberOrNull('rd'),
      backoff: fields.booleanOrNull('rb'),
      delayMax: fields.numberOrNull('rm'),
    },
    handlerVersion: version === '' ? null : integer(version),
    schedule: jobSchedule(fields),
    ...(fields.has('st') ? { isAgain: true } : {}),
    ...(queue === null ? {} : { queue }),
    ...(fields.has('tc') ? { trace: fields.text('tc') } : {}),
  }
}
