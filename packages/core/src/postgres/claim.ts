import type {
  ClaimedJob,
  ClaimStore,
  ExchangeOptions,
  ExchangeResult,
  HousekeepingResult,
  ReadyBound,
  RetryFields,
} from '../store/claim.ts'
import type { Settlement, SettleResult } from '../store/settle.ts'
import { REPEATED, type Row } from './executor.ts'
import { integer, integers, jobSchedule, json, text, timeColumn } from './rows.ts'
import type { Database } from './schema.ts'
import { settlementArguments, settleResults } from './settle.ts'

const EXCHANGE =
  'select * from :schema.exchange($1::bigint, $2::bigint[], $3::bigint[], $4::jsonb, $5::integer, $6::integer, $7::integer[], ' +
  '$8::bigint[], $9::text[], $10::boolean, $11::boolean, $12::integer, $13::boolean, $14::bigint[], $15::boolean, $16::jsonb)'

const LEASED =
  'select j.id, j.ready_seq, j.attempts, j.job_type, j.payload::text, ' +
  `${timeColumn('j.created_at')}, :schema.job_extra(j), j.token ` +
  'from :schema.jobs j where j.id = any (:schema.leased_jobs($1::bigint)) and j.token <> all ($2::bigint[]) ' +
  'order by j.priority desc, j.ready_seq'

export function claimVerbs(db: Database): ClaimStore {
  return {
    async register(options) {
      return integer(
        await db.value(
          'select :schema.register_worker($1::text, $2::integer, $3::integer, $4::text[], $5::integer, $6::text, $7::integer, $8::text, $9::jsonb)',
          [
            options.workerId,
            options.leaseMs,
            options.groupConcurrency ?? null,
            options.jobTypes ?? null,
            options.concurrency,
            options.host,
            options.pid,
            options.version,
            options.versions === undefined ? null : JSON.stringify(options.versions),
          ],
        ),
      )
    },
    async unregister({ worker }) {
      await db.query('select :schema.unregister_worker($1::bigint)', [worker])
    },
    async exchange(options) {
      return exchangeResult(await db.query(EXCHANGE, exchangeArguments(options), REPEATED), options.settlements)
    },
    async heartbeat({ worker, leaseMs }) {
      return (await db.value('select :schema.heartbeat($1::bigint, $2::integer)', [worker, leaseMs])) === true
    },
    async leased({ worker, known }) {
      return (await db.query(LEASED, [worker, known])).map((row) => claimedJob(row, integer(row[7]), text(row[3])))
    },
  }
}

function exchangeArguments(options: ExchangeOptions): unknown[] {
  const { ids, tokens, others } = settlementArguments(options.settlements)
  const bounds = options.from === 'sweep' ? null : options.from
  return [
    options.worker,
    array(ids),
    array(tokens),
    others,
    options.limit,
    options.slots,
    bounds?.map((bound) => bound.priority) ?? null,
    bounds?.map((bound) => bound.fromSeq) ?? null,
    options.jobTypes ?? null,
    options.sleeping ?? null,
    options.housekeeping ?? false,
    options.heartbeatMs ?? null,
    options.keepCompleted,
    options.closedTokens ?? null,
    options.groups ?? false,
    options.versions === undefined ? null : JSON.stringify(options.versions),
  ]
}

/** As PostgreSQL writes it: the driver would quote every element. */
function array(numbers: readonly number[]): string {
  return `{${numbers.join(',')}}`
}

const NOTHING_SETTLED: readonly SettleResult[] = []

function exchangeResult(rows: readonly Row[], settlements: readonly Settlement[]): ExchangeResult {
  const first = rows[0]
  const summary = first !== undefined && first[0] === null ? first : undefined
  const jobs = claimedJobs(rows, Number(summary?.[1]))
  if (!summary) return { jobs, settled: settledResults(settlements, undefined), alive: true }
  const told: unknown = json(summary[4] ?? '{}')
  const levels = field(told, 'levels')
  const housekeeping = field(told, 'housekeeping')
  const cascaded = field(told, 'cascaded')
  return {
    jobs,
    settled: settledResults(settlements, field(told, 'lost')),
    alive: field(told, 'alive') !== false,
    ...(field(told, 'held') === true ? { hasHeld: true } : {}),
    ...(field(told, 'busy') === true ? { hasBusyGroups: true } : {}),
    ...(field(told, 'passed') === true ? { hasMorePaused: true } : {}),
    ...(Array.isArray(levels) ? { levels: readyLevels(levels) } : {}),
    ...looked(told),
    ...(Array.isArray(cascaded) ? { cascaded: integers(cascaded) } : {}),
    ...(housekeeping === undefined ? {} : { housekeeping: housekeepingResult(housekeeping) }),
  }
}

/** All rows but the first. */
function claimedJobs(rows: readonly Row[], token: number): readonly ClaimedJob[] {
  const jobs: ClaimedJob[] = []
  let jobType = ''
  let isInOrder = true
  let last: ClaimedJob | undefined
  for (let at = 1; at < rows.length; at++) {
    const row = rows[at] ?? NO_ROW
    // One string for neighbours of the same type: its hash, by which the handler is found, is then made once.
    if (row[3] !== jobType) jobType = text(row[3])
    const job = claimedJob(row, token, jobType)
    isInOrder &&= last === undefined || inReadyOrder(last, job) <= 0
    last = job
    jobs.push(job)
  }
  // The claim locks in order but its update answers in the order of the primary key.
  return isInOrder ? jobs : jobs.sort(inReadyOrder)
}

function inReadyOrder(a: ClaimedJob, b: ClaimedJob): number {
  return b.priority - a.priority || a.readySeq - b.readySeq
}

function settledResults(settlements: readonly Settlement[], lost: unknown): readonly SettleResult[] {
  if (settlements.length === 0) return NOTHING_SETTLED
  if (!Array.isArray(lost)) return settlements.map(() => 'settled')
  return settleResults(settlements, lost)
}

function readyLevels(levels: readonly unknown[]): 'many' | ReadyBound[] {
  return levels.length > 16 ? 'many' : readyBounds(levels)
}

function readyBounds(levels: readonly unknown[]): ReadyBound[] {
  return levels.map((level) => {
    const [priority, fromSeq] = Array.isArray(level) ? level : []
    return { priority: integer(priority), fromSeq: integer(fromSeq) }
  })
}

function looked(told: unknown): Pick<ExchangeResult, 'looked'> {
  const top = field(told, 'top')
  const past = field(told, 'past')
  const lookMs = field(told, 'lookMs')
  if (typeof top === 'number') return { looked: { top, ...(typeof lookMs === 'number' ? { lookMs } : {}) } }
  return Array.isArray(past) ? { looked: { past: readyBounds(past) } } : {}
}

function housekeepingResult(value: unknown): HousekeepingResult {
  const next = field(value, 'nextDueMs')
  const cancels = field(value, 'cancels')
  return {
    nextDueMs: numberOr(next, null),
    cancelRequests: (Array.isArray(cancels) ? cancels : []).map((request: unknown) => {
      const [id, token, lost] = Array.isArray(request) ? request : []
      return { id: integer(id), token: integer(token), lost: lost === true }
    }),
    rescued: integer(field(value, 'rescued') ?? 0),
    promoted: integer(field(value, 'promoted') ?? 0),
    schedulesDueMs: numberOr(field(value, 'schedulesDueMs'), null),
  }
}

function numberOr<T>(value: unknown, other: T): number | T {
  return typeof value === 'number' ? value : other
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined
}

const NO_ROW: Row = []

const NO_RETRY: RetryFields = { delay: null, backoff: null, delayMax: null }

/**
 * A job with nothing but type and payload, as most are. Every other property is of the class, not of the object: thousands of them
 * are held at once, and what each of them takes decides how much the collector has to copy.
 */
class PlainJob implements ClaimedJob {
  readonly id: number
  readonly token: number
  readonly jobType: string
  readonly payload: string
  readonly attempt: number
  readonly readySeq: number
  readonly createdAt: string

  constructor(row: Row, token: number, jobType: string) {
    this.id = Number(row[0])
    this.token = token
    this.jobType = jobType
    this.payload = text(row[4])
    this.attempt = Number(row[2])
    // Null: as the id, which is where a job stands that has never moved.
    this.readySeq = row[1] === null ? this.id : Number(row[1])
    this.createdAt = text(row[5])
  }

  get codec(): 'json' {
    return 'json'
  }
  get maxAttempts(): number {
    return 3
  }
  get priority(): number {
    return 0
  }
  get timeoutMs(): null {
    return null
  }
  get forceKillOnTimeout(): boolean {
    return false
  }
  get tags(): null {
    return null
  }
  get idempotencyKey(): null {
    return null
  }
  get groupId(): null {
    return null
  }
  get tenantId(): null {
    return null
  }
  get retry(): RetryFields {
    return NO_RETRY
  }
  get handlerVersion(): null {
    return null
  }
  get schedule(): null {
    return null
  }
}

/** Columns as in `exchange`. */
function claimedJob(row: Row, token: number, jobType: string): ClaimedJob {
  const plain = new PlainJob(row, token, jobType)
  const extra = row[6]
  if (extra === null || extra === undefined) return plain
  const { id, payload, attempt, readySeq, createdAt } = plain
  return { id, token, jobType, payload, attempt, readySeq, createdAt, ...extras(json(extra)) }
}

type Extras = Omit<ClaimedJob, 'id' | 'token' | 'jobType' | 'payload' | 'attempt' | 'readySeq' | 'createdAt'>

function extras(extra: unknown): Extras {
  const tags = field(extra, 'tags')
  const number = (name: string): number | null => {
    const value = field(extra, name)
    return value === undefined ? null : Number(value)
  }
  const string = (name: string): string | null => {
    const value = field(extra, name)
    return value === undefined ? null : text(value)
  }
  const backoff = field(extra, 'retryBackoff')
  const trace = string('trace')
  const queue = string('queue')
  return {
    ...(field(extra, 'again') === true ? { isAgain: true } : {}),
    ...(trace === null ? {} : { trace }),
    ...(queue === null ? {} : { queue }),
    codec: field(extra, 'rich') === true ? 'rich' : 'json',
    maxAttempts: number('maxAttempts') ?? 3,
    priority: number('priority') ?? 0,
    timeoutMs: number('timeoutMs'),
    forceKillOnTimeout: field(extra, 'forceKill') === true,
    tags: Array.isArray(tags) ? tags.map(text) : null,
    idempotencyKey: string('idempotencyKey'),
    groupId: string('groupId'),
    tenantId: string('tenantId'),
    handlerVersion: number('handlerVersion'),
    schedule: jobSchedule(field(extra, 'schedule')),
    retry: {
      delay: number('retryDelay'),
      backoff: typeof backoff === 'boolean' ? backoff : null,
      delayMax: number('retryDelayMax'),
    },
  }
}
