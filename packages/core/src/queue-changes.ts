import { prepareChanges, prepareJob, prepareJobs } from './enqueue/prepare.ts'
import { checkInteger } from './model/check.ts'
import { validateFilters } from './model/filters.ts'
import type { JobQueue } from './queue-api.ts'
import { sendAll, sendOne } from './queue-send.ts'
import type { QueueCore } from './queue-core.ts'
import { checkedId } from './queue-reads.ts'
import type { ChangeResult } from './store/change.ts'

/** The methods that add. */
export function addMethods(core: QueueCore): Pick<JobQueue, 'addJob' | 'addJobs'> {
  const { contextOf, connection } = core
  return {
    async addJob(job, options) {
      if (options?.db === undefined) connection.refuseHeld()
      const prepared = await prepareJob(job, contextOf(String(job?.jobType)))
      return sendOne(core, prepared, options?.db)
    },
    async addJobs(jobs, options) {
      if (options?.db === undefined) connection.refuseHeld()
      const prepared = await prepareJobs(jobs, contextOf)
      return [...(await sendAll(core, prepared, options?.db))]
    },
  }
}

type Result = { readonly result: true } | undefined

/** A change resolves with nothing, as it always did, unless its caller asks what it did. */
function answer(result: ChangeResult, options: Result): never {
  return (options?.result === true ? result : undefined) as never
}

/** The methods that edit. */
export function editMethods({ store, contextOf, wake }: QueueCore): Pick<JobQueue, 'editJob' | 'editAllPendingJobs'> {
  return {
    async editJob(id: number, updates: object, options?: Result) {
      const changes = prepareChanges(updates, contextOf(''))
      const edit = { id: checkedId(id), changes }
      const opened = await store()
      if (Object.keys(changes).length === 0) return answer('unchanged', options)
      const result = await opened.edit(edit)
      if (result === 'changed') wake({ kind: 'ready', priorities: [] })
      return answer(result, options)
    },
    async editAllPendingJobs(filters, updates) {
      const filter = validateFilters(filters)
      const changes = prepareChanges(updates, contextOf(''))
      if (Object.keys(changes).length === 0) return 0
      const count = await (await store()).editMany({ filter, changes })
      if (count > 0) wake({ kind: 'ready', priorities: [] })
      return count
    },
  }
}

type Ends = Pick<JobQueue, 'cancelJob' | 'cancelAllUpcomingJobs' | 'retryJob' | 'redrive'>

/** The methods that cancel and that bring back. */
export function endMethods({ store, events, wake }: QueueCore): Ends {
  return {
    async cancelJob(id: number, options?: Result) {
      const job = { id: checkedId(id) }
      const dependents: number[] = []
      const result = await (await store()).cancel({ ...job, onCascade: (ids) => dependents.push(...ids) })
      if (result === 'changed') for (const jobId of [id, ...dependents]) events.emit('job:cancelled', { jobId })
      if (result === 'requested') wake({ kind: 'cancel', jobId: id })
      return answer(result, options)
    },
    async cancelAllUpcomingJobs(filters) {
      const filter = validateFilters(filters)
      const dependents: number[] = []
      const onCascade = (ids: readonly number[]): number => dependents.push(...ids)
      const ids = await (await store()).cancelMany({ filter, onCascade })
      for (const jobId of [...ids, ...dependents]) events.emit('job:cancelled', { jobId })
      return ids.length
    },
    async retryJob(id: number, options?: Result) {
      const job = { id: checkedId(id) }
      const result = await (await store()).retry(job)
      if (result === 'changed') {
        events.emit('job:retried', { jobId: id })
        wake({ kind: 'cancel', jobId: id })
        wake({ kind: 'ready', priorities: [] })
      }
      return answer(result, options)
    },
    async redrive(filters, options = {}) {
      const { limit = 1000 } = options
      checkInteger('limit', limit, { min: 1, max: 100_000, remedy: 'Leave it out for 1000' })
      const filter = validateFilters(filters)
      const ids = await (await store()).redrive({ filter, limit })
      for (const jobId of ids) events.emit('job:retried', { jobId })
      if (ids.length > 0) wake({ kind: 'ready', priorities: [] })
      return [...ids]
    },
  }
}
