import { isMillraceError } from 'millrace'
import pg from 'pg'
import { monotonicMs } from '../history/recorder.js'
import { BUSINESS_TABLE } from './database.js'
import { stateOf } from './state.js'
/** How many jobs back changes can reach. */
const REMEMBERED = 100
/** Thrown to have a transaction rolled back. */
class RollBack extends Error {}
/** Performs operations on a queue and records what was asked and answered. */
export class Caller {
  #options
  #ids = []
  #calls = 0
  constructor(options) {
    this.#options = options
  }
  /** Never rejects: what goes wrong is an answer like any other. */
  async perform(operation) {
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
  #nextCall() {
    return `${this.#options.name}:${this.#calls++}`
  }
  #add(job) {
    return this.#recordAdd([job], async () => [await this.#options.queue.addJob(job.options)])
  }
  /** Resolves whether it was acknowledged or not; with `tx`, rejects what the call rejected with. */
  async #recordAdd(jobs, add, tx) {
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
      if (tx === undefined) this.#remember(ids)
    } catch (error) {
      recorder.record({ type: 'add-error', call, ...badAnswer(error) })
      if (tx !== undefined) throw error
    }
  }
  #remember(ids) {
    this.#ids.push(...ids)
    if (this.#ids.length > REMEMBERED) this.#ids.splice(0, this.#ids.length - REMEMBERED)
  }
  async #addInTransaction(operation) {
    const { queue, recorder, clientUrl } = this.#options
    const tx = this.#nextCall()
    const fill = async (db) => {
      await db.query(`insert into ${BUSINESS_TABLE} (tx) values ($1)`, [tx])
      await this.#recordAdd(
        operation.jobs,
        () =>
          queue.addJobs(
            operation.jobs.map(({ options }) => options),
            { db },
          ),
        tx,
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
  async #look(back) {
    const job = this.#ids.at(-1 - back)
    if (job === undefined) return
    const sentAt = monotonicMs()
    const found = await this.#options.queue.getJob(job).catch(() => undefined)
    if (found !== undefined) this.#options.recorder.record(stateOf(job, found, sentAt))
  }
  async #change(verb, back, recorded, change) {
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
/** `commit` is the only statement after whose failure nobody knows. */
class CommitError extends Error {}
async function inOwnTransaction(url, fill) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 30_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('begin')
    await fill(client)
    await client.query('commit').catch((error) => {
      throw new CommitError('the commit had no answer', { cause: error })
    })
  } finally {
    // Without a word: whatever was not committed is rolled back.
    void client.end().catch(() => undefined)
  }
}
function transactionOutcome(error) {
  if (error instanceof RollBack) return 'rolled-back'
  if (error instanceof CommitError) return 'unknown'
  if (!isMillraceError(error)) return 'rolled-back'
  return error.details.outcome === 'unknown' ? 'unknown' : 'rolled-back'
}
function badAnswer(error) {
  const message = String(error).slice(0, 500)
  if (!isMillraceError(error)) return { outcome: 'unknown', message }
  return { outcome: error.details.outcome === 'unknown' ? 'unknown' : 'refused', code: error.code, message }
}
function editOf(edit) {
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
//# sourceMappingURL=caller.js.map
