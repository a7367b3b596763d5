import { MillraceError } from './errors.ts'
import { checkInteger, checkOptions, refuseOption } from './model/check.ts'
import { assertNever } from './model/outcome.ts'
import { pause } from './model/clock.ts'
import { type Pause, validatePauseScope } from './model/pause.ts'
import { type PortableJob, type PortableToken, shiftedId, shiftedJob } from './model/portable.ts'
import type { QueueCore } from './queue-core.ts'
import {
  FORMAT_VERSION,
  type MovedPause,
  readLine,
  refuse,
  type TransferCounts,
  type TransferLine,
  writeLine,
} from './queue-transfer-format.ts'
import type { Store } from './store/store.ts'
import type { ExportHead, ExportPart, MovedSchedule } from './store/transfer.ts'

/** What of a queue is exported. */
export interface ExportOptions {
  /** Also jobs that completed, failed for good or were cancelled. Default `false`: only such as another job waits for. */
  readonly ended?: boolean | undefined
  /** How long to wait for running jobs to end, milliseconds, 0 to 86,400,000. Default 30,000. */
  readonly waitMs?: number | undefined
}

/** What an import did. */
export interface ImportResult extends TransferCounts {
  /** The instance that it came from. */
  readonly instance: string
  /** Of `jobs`: those that had been imported before, and were left alone. */
  readonly knownJobs: number
  /** Jobs whose idempotency key another job has here: they are there, and their key does not find them. */
  readonly keysTaken: number
  /** Whether every job has the id that it had. */
  readonly keptIds: boolean
}

/** Methods of a queue that move what it holds to another store. */
export interface TransferMethods {
  /**
   * Everything that waits, as lines of JSON: schedules, pauses, tokens, and jobs with their steps, waits, dependencies and events,
   * at last how many. Pauses the whole queue, for good: of two queues with the same jobs only one may run them. Logs and the audit
   * stay behind. What is added meanwhile is not in it: export again, and only that is new to whoever imports it.
   *
   * Throws `EXPORT_REFUSED` while iterating: jobs still ran after `waitMs`, or something changed that a pause does not prevent.
   */
  exportLines(options?: ExportOptions): AsyncIterable<string>
  /**
   * Takes over what `exportLines` of another queue said, cut into pieces anywhere: another queue's `exportLines()`, or a stream of
   * a file. The queue is paused until the last line, so that nothing of it runs before all is there, or for good if that never
   * comes. Importing the same again, or going on with what was broken off, makes nothing twice. Jobs keep their ids where nothing
   * here can have them.
   *
   * @throws MillraceError `IMPORT_REFUSED` naming the line; what came before it is there, and the queue stays paused.
   */
  importLines(lines: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>): Promise<ImportResult>
}

/** Of these two pauses nobody is told by an export. */
const EXPORT_PAUSE = { reason: 'It was exported to another store.', by: 'millrace export' }
const IMPORT_PAUSE = { reason: 'An import has not ended.', by: 'millrace import' }

const LOT = 500
const EXPORT_NAMES: ReadonlySet<string> = new Set<keyof ExportOptions>(['ended', 'waitMs'])

export function transferMethods(core: QueueCore): TransferMethods {
  return {
    exportLines: (options) => exportLines(core, options),
    async importLines(lines) {
      const store = await core.store()
      const result = await new Importer(store).run(lines)
      core.wake({ kind: 'ready', priorities: [] })
      core.wake({ kind: 'schedules' })
      return result
    },
  }
}

async function* exportLines({ store: open, clock }: QueueCore, options: ExportOptions = {}): AsyncGenerator<string> {
  checkOptions('options', options, EXPORT_NAMES, '{ ended: true }')
  const { ended = false, waitMs = 30_000 } = options
  checkInteger('waitMs', waitMs, { min: 0, max: 86_400_000, remedy: 'Leave it out for 30 seconds' })
  const store = await open()
  if (!(await store.listPauses()).some((one) => isOfAll(one) && one.until === null))
    await store.pause({ scope: {}, options: { ...EXPORT_PAUSE, until: null } })
  await settled(store, { waitMs, clock })
  const { head, schedules } = await snapshot(store)
  const { instance, firstId, lastId } = head
  yield writeLine({
    kind: 'millrace',
    version: FORMAT_VERSION,
    instance,
    store: store.kind,
    firstId,
    lastId,
    ended,
  })
  const pauses = (await store.listPauses()).filter((one) => !isOurs(one))
  for (const schedule of schedules) yield writeLine({ kind: 'schedule', schedule })
  for (const one of pauses) {
    const { pausedAt: _pausedAt, ...moved } = one
    yield writeLine({ kind: 'pause', pause: moved })
  }
  let tokens = 0
  for await (const token of tokensOf(store)) {
    yield writeLine({ kind: 'token', token })
    tokens += 1
  }
  let jobs = 0
  for await (const job of allJobs(store, { ended, lastId })) {
    yield writeLine({ kind: 'job', job })
    jobs += 1
  }
  yield writeLine({ kind: 'end', counts: { jobs, schedules: schedules.length, tokens, pauses: pauses.length } })
}

/** Those that live and what they wait for, then the others. */
async function* allJobs(
  store: Store,
  { ended, lastId }: { readonly ended: boolean; readonly lastId: number },
): AsyncGenerator<PortableJob> {
  const parts: readonly ExportPart[] = ended ? ['awaited', 'live', 'ended'] : ['awaited', 'live']
  const awaited = new Set<number>()
  for (const part of parts) {
    let count = 0
    for await (const job of jobsOf(store, part, lastId)) {
      count += 1
      if (part === 'ended' && awaited.has(job.id)) continue
      if (part === 'awaited') awaited.add(job.id)
      yield job
    }
    if (part === 'live' && count !== (await store.countLive({ upTo: lastId })))
      throw refused('Jobs were added or changed while they were exported', 'Stop what adds jobs, and export again')
  }
}

function isOfAll({ scope }: Pause): boolean {
  return Object.keys(scope).length === 0
}

function isOurs({ by }: Pause): boolean {
  return by === EXPORT_PAUSE.by || by === IMPORT_PAUSE.by
}

/** Waits until nothing runs, and everybody has been told of every end. */
async function settled(store: Store, { waitMs, clock }: Pick<QueueCore, 'clock'> & { waitMs: number }): Promise<void> {
  const endsAt = clock.now() + waitMs
  for (;;) {
    const { running, untold } = await store.exportHead()
    if (running === 0 && untold === 0) return
    if (untold > 0) await tellAll(store)
    else if (clock.now() >= endsAt) {
      throw refused(
        `${running} jobs still run`,
        'Wait for them, stop their workers, or give a longer `waitMs`; the queue stays paused meanwhile',
      )
    } else await pause(clock, Math.min(100, Math.max(1, endsAt - clock.now())))
  }
}

/** What a worker would do between two claims. */
async function tellAll(store: Store): Promise<void> {
  const worker = await store.register({
    workerId: 'millrace export',
    leaseMs: 30_000,
    concurrency: 0,
    host: '',
    pid: 0,
    version: '',
  })
  try {
    const rest = { settlements: [], limit: 0, slots: 0, from: 'sweep', keepCompleted: true } as const
    await store.exchange({ worker, ...rest, housekeeping: true })
  } finally {
    await store.unregister({ worker })
  }
}

/** Schedules as they were when the last id was drawn: a tick before it has its job below it, and one after it is still to come. */
async function snapshot(store: Store): Promise<{ head: ExportHead; schedules: readonly MovedSchedule[] }> {
  for (;;) {
    const before = await store.listSchedules({})
    const head = await store.exportHead()
    const after = await store.listSchedules({})
    const state = (all: typeof before): string =>
      JSON.stringify(all.map(({ id, revision, nextRunKey }) => [id, revision, nextRunKey]))
    if (state(before) === state(after)) return { head, schedules: after.map(movedSchedule) }
  }
}

function movedSchedule({
  id: _id,
  revision: _revision,
  nextRunKey: _key,
  lastSkippedAt: _skippedAt,
  lastSkip: _skip,
  updatedAt: _updatedAt,
  ...moved
}: Awaited<ReturnType<Store['listSchedules']>>[number]): MovedSchedule {
  return moved
}

async function* tokensOf(store: Store): AsyncGenerator<PortableToken> {
  for (let after = ''; ;) {
    const tokens = await store.exportTokens({ after, limit: LOT })
    yield* tokens
    const last = tokens.at(-1)
    if (last === undefined || tokens.length < LOT) return
    after = last.id
  }
}

async function* jobsOf(store: Store, part: ExportPart, upTo: number): AsyncGenerator<PortableJob> {
  for (let after = 0; ;) {
    const jobs = await store.exportJobs({ part, after, upTo, limit: LOT })
    yield* jobs
    const last = jobs.at(-1)
    if (last === undefined || jobs.length < LOT) return
    after = last.id
  }
}

function refused(what: string, remedy: string): MillraceError {
  return new MillraceError('EXPORT_REFUSED', `${what}. ${remedy}.`, { details: { remedy } })
}

type Head = Extract<TransferLine, { kind: 'millrace' }>

/** One import: head, then records in lots of one kind, then the counts that they must come to. */
class Importer {
  readonly #store: Store
  #head: Head | undefined
  #ranges: Awaited<ReturnType<Store['beginImport']>> = []
  #wasPaused = false
  #jobs: PortableJob[] = []
  #tokens: PortableToken[] = []
  #schedules: MovedSchedule[] = []
  readonly #pauses: MovedPause[] = []
  readonly #read = { jobs: 0, schedules: 0, tokens: 0, pauses: 0 }
  #known = 0
  #keysTaken = 0
  #hasEnded = false

  constructor(store: Store) {
    this.#store = store
  }

  async run(lines: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>): Promise<ImportResult> {
    if (!isIterable(lines)) refuseOption('lines', lines, 'something to iterate over', 'Pass `other.exportLines()`')
    let number = 0
    for await (const text of linesOf(lines)) {
      number += 1
      if (this.#hasEnded) refuse(number, 'comes after the end')
      await this.#take(readLine(text, number), number)
    }
    if (this.#head === undefined) return refuse(1, 'is missing: there is nothing to import')
    if (!this.#hasEnded) return refuse(number + 1, 'is missing: the export was cut off')
    return {
      instance: this.#head.instance,
      ...this.#read,
      knownJobs: this.#known,
      keysTaken: this.#keysTaken,
      keptIds: this.#ranges.every(({ shift }) => shift === 0),
    }
  }

  async #take(line: TransferLine, number: number): Promise<void> {
    if (line.kind === 'millrace') return this.#begin(line, number)
    if (this.#head === undefined) return refuse(number, 'is not the beginning of an export')
    switch (line.kind) {
      case 'schedule':
        this.#read.schedules += 1
        this.#schedules.push(line.schedule)
        return undefined
      case 'pause':
        this.#read.pauses += 1
        this.#pauses.push(line.pause)
        return undefined
      case 'token':
        this.#read.tokens += 1
        this.#tokens.push(line.token)
        return this.#tokens.length < LOT ? undefined : this.#flush()
      case 'job':
        this.#read.jobs += 1
        this.#jobs.push(line.job)
        return this.#jobs.length < LOT ? undefined : this.#flush()
      case 'end':
        return this.#end(line.counts, number)
      default:
        return assertNever(line)
    }
  }

  async #begin(head: Head, number: number): Promise<void> {
    if (this.#head !== undefined) return refuse(number, 'begins another export')
    const { instance: source, firstId, lastId } = head
    if ((await this.#store.exportHead()).instance === source)
      return refuse(number, 'is of an export of this very queue')
    this.#head = head
    this.#wasPaused = (await this.#store.listPauses()).some((one) => isOfAll(one) && one.by !== IMPORT_PAUSE.by)
    if (!this.#wasPaused) await this.#store.pause({ scope: {}, options: { ...IMPORT_PAUSE, until: null } })
    this.#ranges = await this.#store.beginImport({ source, firstId, lastId })
  }

  /** Schedules first, since jobs name them; then tokens, which jobs wait for. */
  async #flush(): Promise<void> {
    const [schedules, tokens, jobs] = [this.#schedules, this.#tokens, this.#jobs]
    this.#schedules = []
    this.#tokens = []
    this.#jobs = []
    const here = (id: number | null): number | null => (id === null ? null : shiftedId(this.#ranges, id))
    if (schedules.length > 0)
      await this.#store.importSchedules({
        schedules: schedules.map((schedule) => ({ ...schedule, lastJobId: here(schedule.lastJobId) })),
      })
    if (tokens.length > 0) await this.#store.importTokens({ tokens })
    if (jobs.length === 0) return
    const sorted = jobs.toSorted((a, b) => a.id - b.id)
    const { imported, keysTaken } = await this.#store.importJobs({
      source: this.#head?.instance ?? '',
      sourceIds: sorted.map(({ id }) => id),
      jobs: sorted.map((job) => shiftedJob(this.#ranges, job)),
    })
    this.#known += jobs.length - imported
    this.#keysTaken += keysTaken
  }

  async #end(counts: TransferCounts, number: number): Promise<void> {
    const read = this.#read
    for (const name of ['jobs', 'schedules', 'tokens', 'pauses'] as const)
      if (counts[name] !== read[name]) return refuse(number, `counts ${counts[name]} ${name}, and ${read[name]} came`)
    await this.#flush()
    await this.#store.endImport({ ranges: this.#ranges })
    await this.#pauseAgain()
    if (!this.#wasPaused) await this.#store.resume({ scope: {} })
    this.#hasEnded = true
  }

  /** What was paused there is paused here, unless all of it had come before, when somebody may have resumed it since. */
  async #pauseAgain(): Promise<void> {
    if (this.#read.jobs > 0 && this.#known === this.#read.jobs) return
    const now = await this.#store.storeTime()
    for (const { scope, reason, by, until } of this.#pauses) {
      if (until !== null && until <= now) continue
      if (Object.keys(scope).length === 0) this.#wasPaused = true
      await this.#store.pause({ scope: validatePauseScope(scope), options: { reason, by, until } })
    }
  }
}

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
}

/** Lines of a text that comes in pieces, without those that are empty. */
async function* linesOf(
  pieces: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of pieces) {
    const parts = (rest + (typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true }))).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) if (part.trim() !== '') yield part
  }
  rest += decoder.decode()
  if (rest.trim() !== '') yield rest
}
