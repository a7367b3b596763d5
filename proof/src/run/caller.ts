import { isMillraceError, type ChangeResult, type EditJobOptions, type JobQueue } from 'millrace'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { payloadHash } from '../history/payload-hash.ts'
import type { BadOutcome, ProducerEvent } from '../history/producer-event.ts'
import { monotonicMs, type Recorder } from '../history/recorder.ts'
import type { JobRequest } from '../load/job.ts'
import type { Edit, Operation } from '../load/operation.ts'
import { BUSINESS_TABLE } from './database.ts'
import { stateOf } from './state.ts'

export interface CallerOptions {
  readonly queue: JobQueue
  readonly recorder: Recorder
  /** Begins the names of its calls. */
  readonly name: string
  /** For transactions over a connection of the caller's own; absent: over the queue's. */
  readonly clientUrl: string | undefined
  /** Told whenever the database has answered. */
  readonly onAnswer: () => void
}

/** Of a token that nobody completes: long enough for the completion to come first, and over before the run is. */
const TOKEN_TIMEOUT = '15s'

/** How many jobs back changes can reach. */
const REMEMBERED = 100

type TransactionOperation = Extract<Operation, { do: 'add-in-tx' }>

/** Thrown to have a transaction rolled back. */
class RollBack extends Error {}

/** Performs operations on a queue and records what was asked and answered. */
export class Caller {
  readonly #options: CallerOptions
  readonly #ids: number[] = []
  #calls = 0

  constructor(options: CallerOptions) {
    this.#options = options
  }

  /** Never rejects: what goes wrong is an answer like any other. */
  async perform(operation: Operation): Promise<void> {
    const { queue } = this.#options
    switch (operation.do) {
      case 'add':
        return this.#add(operation.job)
      case 'add-bad':
        return this.#add(operation.bad)
      case 'add-same':
        await Promise.all(operation.jobs.map((job) => this.#add(job)))
        return
      case 'add-all':
        return this.#recordAdd(operation.jobs, () => queue.addJobs(operation.jobs.map(({ options }) => options)))
      case 'add-chain':
        return this.#recordAdd(operation.jobs, () => queue.addJobs(operation.jobs.map(({ options }) => options)), {
          isLeftAlone: true,
        })
      case 'add-awaiting':
        return this.#addAwaiting(operation)
      case 'add-in-tx':
        return this.#addInTransaction(operation)
      case 'look':
        return this.#look(operation.back)
      case 'cancel':
        return this.#change('cancel', operation.back, {}, (id) => queue.cancelJob(id, { result: true }))
      case 'retry':
        return this.#change('retry', operation.back, {}, (id) => queue.retryJob(id, { result: true }))
      case 'edit': {
        const { recorded, updates } = editOf(operation.edit)
        return this.#change('edit', operation.back, recorded, (id) => queue.editJob(id, updates, { result: true }))
      }
    }
  }

  #nextCall(): string {
    return `${this.#options.name}:${this.#calls++}`
  }

  #add(job: JobRequest): Promise<void> {
    return this.#recordAdd([job], async () => [await this.#options.queue.addJob(job.options)])
  }

  /** Resolves whether it was acknowledged or not; with `tx`, rejects what the call rejected with. */
  async #recordAdd(
    jobs: readonly JobRequest[],
    add: () => Promise<number[]>,
    { tx, isLeftAlone = false }: { readonly tx?: string; readonly isLeftAlone?: boolean } = {},
  ): Promise<void> {
    const { recorder } = this.#options
    const call = this.#nextCall()
    recorder.record({
      type: 'add',
      call,
      jobs: jobs.map(({ spec }) => spec),
      ...(tx === undefined ? {} : { tx }),
    })
    try {
      const ids = await add()
      recorder.record({ type: 'add-ok', call, ids })
      this.#options.onAnswer()
      if (tx === undefined && !isLeftAlone) this.#remember(ids)
    } catch (error) {
      recorder.record({ type: 'add-error', call, ...badAnswer(error) })
      if (tx !== undefined) throw error
    }
  }

  /** The job is left alone but for its token. */
  async #addAwaiting({ makeJob, completeAfterMs }: Extract<Operation, { do: 'add-awaiting' }>): Promise<void> {
    const { queue } = this.#options
    const token = await queue.createToken({ timeout: TOKEN_TIMEOUT }).catch(() => undefined)
    if (token === undefined) return
    const job = makeJob(token.id)
    await this.#recordAdd([job], async () => [await queue.addJob(job.options)], { isLeftAlone: true })
    if (completeAfterMs === undefined) return
    await sleep(completeAfterMs)
    await this.#completeToken(token.id)
  }

  async #completeToken(token: string): Promise<void> {
    const { queue, recorder } = this.#options
    const call = this.#nextCall()
    const value = `value of ${call}`
    recorder.record({ type: 'token-complete', call, token, valueHash: payloadHash(value) })
    try {
      const answer = await queue.completeToken(token, value, { result: true })
      recorder.record({ type: 'token-complete-ok', call, taken: answer === 'changed' })
    } catch (error) {
      const { outcome, message } = badAnswer(error)
      recorder.record({ type: 'token-complete-error', call, outcome, message })
    }
  }

  #remember(ids: readonly number[]): void {
    this.#ids.push(...ids)
    if (this.#ids.length > REMEMBERED) this.#ids.splice(0, this.#ids.length - REMEMBERED)
  }

  async #addInTransaction(operation: TransactionOperation): Promise<void> {
    const { queue, recorder, clientUrl } = this.#options
    const tx = this.#nextCall()
    const fill = async (db: Db): Promise<void> => {
      await db.query(`insert into ${BUSINESS_TABLE} (tx) values ($1)`, [tx])
      await this.#recordAdd(
        operation.jobs,
        () =>
          queue.addJobs(
            operation.jobs.map(({ options }) => options),
            { db },
          ),
        { tx },
      )
      if (operation.end === 'rollback') throw new RollBack('as planned')
    }
    try {
      if (clientUrl === undefined || operation.over === 'queue') await queue.transaction(fill)
      else await inOwnTransaction(clientUrl, fill)
      recorder.record({ type: 'tx-end', tx, outcome: 'committed' })
    } catch (error) {
      recorder.record({ type: 'tx-end', tx, outcome: transactionOutcome(error) })
    }
  }

  /** Reads a job as any user would. */
  async #look(back: number): Promise<void> {
    const job = this.#ids.at(-1 - back)
    if (job === undefined) return
    const sentAt = monotonicMs()
    const found = await this.#options.queue.getJob(job).catch(() => undefined)
    if (found === undefined) return
    this.#options.recorder.record(stateOf(job, found, sentAt))
    this.#options.onAnswer()
  }

  async #change(
    verb: 'cancel' | 'retry' | 'edit',
    back: number,
    recorded: Partial<Extract<ProducerEvent, { type: 'change' }>>,
    change: (id: number) => Promise<ChangeResult>,
  ): Promise<void> {
    const job = this.#ids.at(-1 - back)
    if (job === undefined) return
    const { recorder } = this.#options
    const call = this.#nextCall()
    recorder.record({ ...recorded, type: 'change', call, verb, job })
    try {
      recorder.record({ type: 'change-ok', call, answer: await change(job) })
    } catch (error) {
      recorder.record({ type: 'change-error', call, ...badAnswer(error) })
    }
  }
}

interface Db {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[]; rowCount: number | null }>
}

/** `commit` is the only statement after whose failure nobody knows. */
class CommitError extends Error {}

async function inOwnTransaction(url: string, fill: (db: Db) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 30_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('begin')
    await fill(client)
    await client.query('commit').catch((error: unknown) => {
      throw new CommitError('the commit had no answer', { cause: error })
    })
  } finally {
    // Without a word: whatever was not committed is rolled back.
    void client.end().catch(() => undefined)
  }
}

function transactionOutcome(error: unknown): 'rolled-back' | 'unknown' {
  if (error instanceof RollBack) return 'rolled-back'
  if (error instanceof CommitError) return 'unknown'
  if (!isMillraceError(error)) return 'rolled-back'
  return error.details.outcome === 'unknown' ? 'unknown' : 'rolled-back'
}

function badAnswer(error: unknown): { readonly outcome: BadOutcome; readonly code?: string; readonly message: string } {
  const message = String(error).slice(0, 500)
  if (!isMillraceError(error)) return { outcome: 'unknown', message }
  return { outcome: error.details.outcome === 'unknown' ? 'unknown' : 'refused', code: error.code, message }
}

function editOf(edit: Edit): {
  readonly recorded: Partial<Extract<ProducerEvent, { type: 'change' }>>
  readonly updates: EditJobOptions
} {
  switch (edit.field) {
    case 'priority':
      return { recorded: { priority: edit.value }, updates: { priority: edit.value } }
    case 'maxAttempts':
      return { recorded: { maxAttempts: edit.value }, updates: { maxAttempts: edit.value } }
    case 'delayMs': {
      const runAt = new Date(Date.now() + edit.value)
      return { recorded: { runAtDbMs: runAt.getTime() }, updates: { runAt } }
    }
  }
}
