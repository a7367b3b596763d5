import { prepareJobs } from './enqueue/prepare.ts'
import { isMillraceError, MillraceError } from './errors.ts'
import { isRecord, refuseOption } from './model/check.ts'
import { batchDepRef, type DependencyCounts } from './model/dependencies.ts'
import { type FlowNode, planFlow } from './model/flow.ts'
import type { AnyJobOptions, JobOptions, JobType } from './model/options.ts'
import { validateSchemaName } from './postgres/connection.ts'
import type { AddJobOptions } from './queue-api.ts'
import type { QueueCore } from './queue-core.ts'
import { sendAll } from './queue-send.ts'
import { checkedId } from './queue-reads.ts'
import type { DatabaseClient, NewJob } from './store/enqueue.ts'

/** The job that is added with a batch and runs once all of the batch has ended. */
export type BatchCallback<
  PayloadMap = Record<string, unknown>,
  T extends JobType<PayloadMap> = JobType<PayloadMap>,
> = Omit<JobOptions<PayloadMap, T>, 'dependsOn'>

/** What `addBatch` takes besides the jobs. */
export interface AddBatchOptions<
  PayloadMap = Record<string, unknown>,
  T extends JobType<PayloadMap> = JobType<PayloadMap>,
> extends AddJobOptions {
  /** Runs once every job of the batch has completed, failed for good or been cancelled. `ctx.dependencyCounts()` tells it how many did what. */
  readonly onComplete: BatchCallback<PayloadMap, T>
}

/** A batch as it was added. */
export interface Batch {
  /** For `getBatch`; the id of its callback job. */
  readonly id: number
  /** In the order given. */
  readonly jobIds: number[]
}

/** How a batch stands. */
export interface BatchStatus extends DependencyCounts {
  readonly id: number
  /** Whether all of its jobs have ended. */
  readonly isFinished: boolean
}

/** The methods that add several jobs as one thing. */
export interface FlowMethods<PayloadMap = Record<string, unknown>> {
  /**
   * Adds jobs that wait for each other, all or none, in one statement; their ids by name. A node says in `dependsOn.nodes` which
   * others it waits for; its handler finds them by name in `ctx.dependencies()`. Rejects with `OPTION_INVALID` for an unknown name or
   * a cycle, which it names.
   */
  addFlow<const Nodes extends Readonly<Record<string, FlowNode<PayloadMap>>>>(
    nodes: Nodes,
    options?: AddJobOptions,
  ): Promise<{ [Name in keyof Nodes]: number }>
  /** Adds jobs, and one more that runs when all of them have ended, whatever way; all or none. At most 100,000. */
  addBatch<T extends JobType<PayloadMap>, C extends JobType<PayloadMap>>(
    jobs: readonly JobOptions<PayloadMap, T>[],
    options: AddBatchOptions<PayloadMap, C>,
  ): Promise<Batch>
  /** How a batch stands; `null` for an unknown id, and once its callback job has been cleaned up. */
  getBatch(id: number): Promise<BatchStatus | null>
}

export function flowMethods(core: QueueCore): FlowMethods {
  const add = async (jobs: readonly NewJob[], options: AddJobOptions | undefined): Promise<readonly number[]> =>
    sendAll(core, jobs, options?.db)
  return {
    async addFlow(nodes, options) {
      const { names, jobs } = planFlow(nodes)
      const prepared = await prepareNodes(names, jobs, core)
      const ids = await add(
        prepared.map((job) => named(job, names)),
        options,
      )
      // By the names of `nodes`, in whose order they are told.
      const byName = new Map(names.map((name, index) => [name, ids[index] ?? 0]))
      return Object.fromEntries(Object.keys(nodes).map((name) => [name, byName.get(name) ?? 0])) as never
    },
    async addBatch(jobs, options) {
      const callback: unknown = options?.onComplete
      if (!isRecord(callback))
        refuseOption('onComplete', callback, 'a job', 'Pass `{ onComplete: { jobType, payload } }`')
      if ('dependsOn' in callback && callback['dependsOn'] !== undefined)
        refuseOption('onComplete.dependsOn', callback['dependsOn'], 'left out', 'It waits for the jobs of the batch')
      if (!Array.isArray(jobs)) refuseOption('jobs', jobs, 'an array', 'Pass the jobs of the batch')
      const dependsOn = { jobIds: jobs.map((_, index) => batchDepRef(index)), onFailure: 'run' as const }
      const all: AnyJobOptions[] = [...jobs, { ...options.onComplete, dependsOn }]
      const ids = await add(await prepareJobs(all, core.contextOf), options)
      const id = ids.at(-1)
      if (id === undefined) throw new MillraceError('STORE_FAILED', 'The database answered no ids for the batch.')
      return { id, jobIds: ids.slice(0, -1) }
    },
    async getBatch(id) {
      const known = { id: checkedId(id) }
      const counts = await (await core.store()).countDependencies(known)
      return counts === null ? null : { ...known, ...counts, isFinished: counts.unfinished === 0 }
    },
  }
}

/** @throws MillraceError what `prepareJobs` throws, said of the node instead of the place in the order. */
async function prepareNodes(
  names: readonly string[],
  jobs: readonly AnyJobOptions[],
  core: QueueCore,
): Promise<readonly NewJob[]> {
  try {
    return await prepareJobs(jobs, core.contextOf)
  } catch (error) {
    if (!isMillraceError(error)) throw error
    const told = (text: string): string =>
      text.replace(/^jobs\[(\d+)\]/, (_, at: string) => `nodes.${names[Number(at)] ?? at}`)
    const { field } = error.details
    throw new MillraceError(error.code, told(error.message), {
      cause: error,
      details: { ...error.details, ...(field === undefined ? {} : { field: told(field) }) },
    })
  }
}

function named(job: NewJob, names: readonly string[]): NewJob {
  const { dependsOn } = job
  if (dependsOn?.jobIds === undefined) return job
  return { ...job, dependsOn: { ...dependsOn, names: dependsOn.jobIds.map((id) => names[-id - 1] ?? String(id)) } }
}

/** Where the functions below look, as those of DataQueue have no queue to tell them. */
interface SchemaOption {
  /** Default `'millrace'`. */
  readonly schema?: string | undefined
}

/**
 * Checks that jobs with these ids are stored.
 *
 * @throws MillraceError `JOB_NOT_FOUND`
 */
export async function validatePrerequisiteJobIdsExist(
  client: DatabaseClient,
  jobIds: readonly number[],
  { schema = 'millrace' }: SchemaOption = {},
): Promise<void> {
  if (jobIds.length === 0) return
  const name = `"${validateSchemaName(schema)}"`
  const { rows } = await client.query(
    `select count(*)::int as c from ${name}.job_states($1::bigint[]) s where s.state is not null`,
    [[...jobIds]],
  )
  if (Number(firstValue(rows, 'c') ?? 0) === jobIds.length) return
  throw new MillraceError(
    'JOB_NOT_FOUND',
    `dependsOn.jobIds: one or more job ids do not exist (${jobIds.join(', ')})`,
    {
      details: { field: 'dependsOn.jobIds', value: jobIds, remedy: 'Pass ids that `addJob` has answered' },
    },
  )
}

/**
 * Checks that a job does not wait for itself, over whatever detour, if it waits for these. Jobs that are added cannot: what they wait
 * for exists before them.
 *
 * @throws MillraceError `OPTION_INVALID`
 */
export async function assertNoDependencyCycle(
  client: DatabaseClient,
  newJobId: number,
  dependsOnJobIds: readonly number[],
  { schema = 'millrace' }: SchemaOption = {},
): Promise<void> {
  if (dependsOnJobIds.length === 0) return
  if (dependsOnJobIds.includes(newJobId)) {
    throw new MillraceError('OPTION_INVALID', `Job ${newJobId} cannot depend on itself (dependsOn.jobIds)`, {
      details: { field: 'dependsOn.jobIds', value: dependsOnJobIds, remedy: 'Leave its own id out' },
    })
  }
  const name = `"${validateSchemaName(schema)}"`
  const { rows } = await client.query(
    `select 1 as found from unnest($2::bigint[]) o(id) where ${name}.waits_for(o.id, $1::bigint) limit 1`,
    [newJobId, [...dependsOnJobIds]],
  )
  if (rows.length === 0) return
  throw new MillraceError(
    'OPTION_INVALID',
    `Adding job ${newJobId} would create a dependency cycle (dependsOn.jobIds)`,
    {
      details: { field: 'dependsOn.jobIds', value: dependsOnJobIds, remedy: 'Leave out what waits for the job itself' },
    },
  )
}

function firstValue(rows: readonly unknown[], name: string): unknown {
  const row = rows[0]
  return typeof row === 'object' && row !== null ? Reflect.get(row, name) : undefined
}
