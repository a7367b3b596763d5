import { prepareJob } from './enqueue/prepare.ts'
import { isMillraceError } from './errors.ts'
import { toError } from './model/error-record.ts'
import { namedAfter } from './model/define-schedules.ts'
import { checkSchedule } from './model/schedule-options.ts'
import type { QueueCore } from './queue-core.ts'
import { newSchedule } from './queue-schedules.ts'
import type { ReconciledSchedules } from './store/schedule.ts'

/** After a failure to reach the store. */
const RETRY_MS = 2000

/** What a queue shares, before it knows its own declared schedules. */
type Surroundings = Pick<QueueCore, 'config' | 'store' | 'contextOf' | 'clock' | 'events' | 'wake'>

/** Makes the schedules that a queue declares those that are stored, once for each process that works. */
export class DeclaredSchedules {
  readonly #core: Surroundings
  #done: Promise<ReconciledSchedules> | undefined
  #isStarting = false

  constructor(core: Surroundings) {
    this.#core = core
  }

  /** Resolves once the declared schedules are stored; at once if none are. A failure is not remembered. */
  async ready(): Promise<void> {
    if (this.#core.config.given.schedules === undefined) return
    this.#done ??= this.reconcile().catch((error: unknown) => {
      this.#done = undefined
      throw error
    })
    await this.#done
  }

  /** Something of this queue begins to work: stores them, again and again until it succeeds or is refused. */
  start(): void {
    if (this.#isStarting) return
    this.#isStarting = true
    const { clock, events } = this.#core
    const ended = this.ready().catch((error: unknown) => {
      if (isMillraceError(error, 'QUEUE_CLOSED')) return
      events.emit('error', toError(error))
      if (!isMillraceError(error) || error.code.startsWith('STORE_'))
        clock.after(RETRY_MS, () => this.start(), { keepAlive: false })
    })
    void ended.then(() => (this.#isStarting = false))
  }

  async reconcile(): Promise<ReconciledSchedules> {
    const { config, contextOf, wake } = this.#core
    const { schedules = {}, scheduleOwner = 'default' } = config.given
    const prepared = await Promise.all(
      Object.entries(schedules).map(async ([name, declaration]) => {
        const checked = namedAfter(name, () => checkSchedule({ ...declaration, scheduleName: name }))
        return { name, checked, job: await prepareJob(checked.job, contextOf(checked.job.jobType)) }
      }),
    )
    const store = await this.#core.store()
    const now = await store.storeTime()
    const declared = prepared.map(({ name, checked, job }) => namedAfter(name, () => newSchedule(checked, job, now)))
    const result = await store.reconcileSchedules({ owner: scheduleOwner, declared })
    if (result.added.length > 0 || result.edited.length > 0) wake({ kind: 'schedules' })
    return result
  }
}
