import { checkOptions, checkText, isRecord, refuseOption } from '../model/check.ts'
import type { ChildJob, ChildOptions, PendingChild } from '../model/handler.ts'
import type { AnyJobOptions } from '../model/options.ts'
import type { DatabaseClient, NewJob } from '../store/enqueue.ts'
import type { StepScope } from './step-scope.ts'
import { persist, type WorkflowHost } from './workflow-host.ts'

/** What a worker needs to add jobs for its handlers. */
export interface ChildSettings {
  /** As `addJobs` validates and encodes them; a promise only when some schema is asynchronous. */
  readonly prepare: (jobs: readonly AnyJobOptions[]) => readonly NewJob[] | Promise<readonly NewJob[]>
  /** Adds all or none, in the transaction of `db` if there is one; their ids. */
  readonly add: (jobs: readonly NewJob[], db?: DatabaseClient) => Promise<readonly number[]>
}

export interface ChildrenOptions {
  readonly host: WorkflowHost
  readonly settings: ChildSettings
  /** Registers a name of this run of the handler. Throws if there is one already. */
  readonly claim: (name: string) => void
  /** The ids that an earlier run of the handler remembered under this key. */
  readonly recall: (key: string) => Promise<readonly number[] | undefined>
  readonly remember: (key: string, ids: readonly number[]) => Promise<void>
}

/**
 * The jobs that one attempt adds. They are kept until it completes, and go to the store in the statement that completes it; an
 * attempt that ends otherwise takes them along, since the next run of its handler collects them again.
 */
export class Children {
  readonly #options: ChildrenOptions
  #pending: NewJob[] = []
  /** Outside of steps: jobs added at once without a name, and calls that did. */
  readonly #counts = { children: 0, adds: 0 }

  constructor(options: ChildrenOptions) {
    this.#options = options
  }

  /** In the order in which they were added. */
  get pending(): readonly NewJob[] {
    return this.#pending
  }

  /** Forgets what was added since there were `count`. */
  keep(count: number): void {
    this.#pending = this.#pending.slice(0, count)
  }

  async add(
    jobs: readonly ChildJob[],
    options: ChildOptions,
    scope: StepScope | undefined,
  ): Promise<readonly (number | PendingChild)[]> {
    const isNow = checkChildOptions(options)
    if (!Array.isArray(jobs)) refuseOption('jobs', jobs, 'an array', 'Use `ctx.addJob` for a single job')
    if (!isNow && scope !== undefined && scope.prefix !== '') {
      const remedy =
        "Add it after the step, or pass `{ when: 'now' }`: a step that is done does not run again to add it"
      refuseOption('when', 'completed', "'now' in a step", remedy)
    }
    const before = jobs.map((job, index) => this.#awaited(job, index, isNow))
    const preparing = this.#options.settings.prepare(jobs.map(withoutChildren))
    // Without a turn of the event loop where none is needed: a call that nobody awaits counts as well.
    const prepared = preparing instanceof Promise ? await preparing : preparing
    const owned = prepared.map((job) => this.#owned(job))
    return isNow ? this.#addNow(owned, options, scope) : this.#keepPending(owned, before)
  }

  #keepPending(jobs: readonly NewJob[], before: readonly (readonly number[])[]): readonly PendingChild[] {
    const start = this.#pending.length
    return jobs.map((job, index) => {
      this.#pending.push(placed(job, before[index] ?? [], start))
      return { position: start + index }
    })
  }

  async #addNow(
    jobs: readonly NewJob[],
    { name }: ChildOptions,
    scope: StepScope | undefined,
  ): Promise<readonly number[]> {
    const { host, settings, claim, recall, remember } = this.#options
    if (name !== undefined) claim(`c:child:${name}`)
    const within = scope === undefined || scope.prefix === '' ? undefined : scope
    const { prefix = '', counts = this.#counts } = within ?? {}
    const keyed = jobs.map((job, index) => {
      if (job.idempotencyKey !== undefined) return job
      const own = name === undefined ? `${prefix}#${counts.children++}` : jobs.length === 1 ? name : `${name}#${index}`
      return { ...job, idempotencyKey: `child:${host.job.id}:${own}` }
    })
    // What this transaction commits is not repeated; and one in which a statement failed takes no other.
    if (scope?.tx !== undefined) return settings.add(keyed, scope.tx)
    // The key finds a child for as long as it is stored. A run of the handler may come long after that.
    const key = `c:child:${name ?? `${prefix}#${counts.adds++}`}`
    const known = await recall(key)
    if (known?.length === keyed.length) return known
    const ids = await persist(host, () => settings.add(keyed))
    await remember(key, ids)
    return ids
  }

  /** Jobs of a tenant add jobs of that tenant. */
  #owned(job: NewJob): NewJob {
    const { tenantId } = this.#options.host.job
    return job.tenantId !== undefined || tenantId === null ? job : { ...job, tenantId }
  }

  /** Places of the children that a job waits for. */
  #awaited(job: unknown, index: number, isNow: boolean): readonly number[] {
    const dependsOn = isRecord(job) ? job['dependsOn'] : undefined
    const children: unknown = isRecord(dependsOn) ? dependsOn['children'] : undefined
    if (children === undefined) return []
    const field = `jobs[${index}].dependsOn.children`
    if (isNow) refuseOption(field, children, "left out with `when: 'now'`", 'Add both at once, or both at the end')
    if (!Array.isArray(children)) refuseOption(field, children, 'an array', 'Pass what `ctx.addJob` resolved with')
    return children.map((child: unknown) => {
      const position: unknown = isRecord(child) ? child['position'] : undefined
      if (typeof position === 'number' && this.#pending[position] !== undefined) return position
      return refuseOption(field, child, 'of children of this attempt', 'Pass what `ctx.addJob` resolved with')
    })
  }
}

const CHILD_OPTIONS: ReadonlySet<string> = new Set(['when', 'name'])

/** Whether they are to be added at once. @throws MillraceError `OPTION_INVALID` */
function checkChildOptions(options: ChildOptions): boolean {
  checkOptions('options', options, CHILD_OPTIONS, "{ when: 'now' }")
  const { when = 'completed', name } = options
  if (when !== 'completed' && when !== 'now')
    refuseOption('when', when, "'completed' or 'now'", "Leave it out for 'completed'")
  if (name === undefined) return when === 'now'
  if (when !== 'now') refuseOption('name', name, "left out without `when: 'now'`", 'Jobs added at the end need none')
  checkText('name', name, 200)
  if (name.includes('#')) refuseOption('name', name, 'a name without #', 'Names with # are made from positions')
  return true
}

function withoutChildren(job: ChildJob): AnyJobOptions {
  if (!isRecord(job) || !isRecord(job.dependsOn)) return job
  const { children, ...dependsOn } = job.dependsOn
  return children === undefined ? job : { ...job, dependsOn }
}

/** With places in the call made to places among all children. */
function placed(job: NewJob, before: readonly number[], start: number): NewJob {
  const { dependsOn } = job
  const jobIds = (dependsOn?.jobIds ?? []).map((id) => (id < 0 ? id - start : id))
  const all = [...new Set([...jobIds, ...before.map((position) => -(position + 1))])]
  return all.length === 0 ? job : { ...job, dependsOn: { ...dependsOn, jobIds: all } }
}
