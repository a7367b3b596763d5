import {
  type BeforeApplicationShutdown,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common'
import type { ModulesContainer } from '@nestjs/core'
import { type JobQueue, MillraceError, type Processor, type ProcessorHandlers, type QueueEventName } from 'millrace'
import { explore, type ExplorerDependencies, type FoundHandler, type HandlerFunction } from './explorer.ts'
import type { OpenedInstance } from './settings.ts'
import { warnWithoutShutdownHooks } from './shutdown-hooks.ts'
import { getRunnerToken } from './tokens.ts'

export interface RunnerDependencies extends ExplorerDependencies {
  readonly modules: ModulesContainer
}

/**
 * The life of one instance inside an application. On `onModuleInit` its database is opened and its schema brought up to date; on
 * `onApplicationBootstrap` the handlers of all modules are found and, unless `run` is false, begin to work; on
 * `beforeApplicationShutdown`, while all other providers still live, running jobs are waited for; on `onApplicationShutdown` the
 * queue is closed.
 */
export class MillraceRunner
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly name: string
  readonly #instance: OpenedInstance
  readonly #dependencies: RunnerDependencies
  readonly #logger = new Logger('Millrace')
  #processor: Processor | undefined

  constructor(name: string, instance: OpenedInstance, dependencies: RunnerDependencies) {
    this.name = name
    this.#instance = instance
    this.#dependencies = dependencies
  }

  get queue(): JobQueue {
    return this.#instance.queue
  }

  /** Whether jobs are run here now. */
  get isRunning(): boolean {
    return this.#processor?.isRunning() === true
  }

  /** Whether jobs are meant to be run here: `run` is not false, and there are handlers. */
  get isExpectedToRun(): boolean {
    return this.#processor !== undefined
  }

  async onModuleInit(): Promise<void> {
    refuseDuplicates(this.name, this.#dependencies.modules)
    await this.#orClose(() => this.queue.ready())
  }

  onApplicationBootstrap(): Promise<void> {
    return this.#orClose(() => this.#start())
  }

  /** Nest shuts nothing down when a start fails, so what has been opened is closed here. */
  async #orClose(step: () => void | Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      await this.onApplicationShutdown()
      throw error
    }
  }

  #start(): void {
    const { handlers, listeners } = explore(this.name, this.#dependencies)
    for (const { event, listen } of listeners)
      this.queue.on(event === 'error' ? event : (`job:${event}` satisfies QueueEventName), listen)
    if (!listeners.some(({ event }) => event === 'error'))
      this.queue.on('error', (error) => this.#logger.error(error.message, error.stack))
    const table = handlerTable(handlers, this.#instance)
    if (!this.#instance.run || Object.keys(table).length === 0) return
    warnWithoutShutdownHooks(this.queue, this.#logger)
    this.#processor = this.queue.createProcessor(table, {
      onUnknownType: 'wait',
      // They are the queue's `error` events as well, which are logged.
      onError: () => undefined,
      ...this.#instance.processor,
    })
    this.#processor.startInBackground()
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#processor?.stopAndDrain(this.#instance.drainMs)
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.#instance.isOwn) await this.queue.close()
  }
}

/** Two configurations of one name would be two queues, and chance which of them a provider gets. */
function refuseDuplicates(name: string, modules: ModulesContainer): void {
  const token = getRunnerToken(name)
  const holders = [...modules.values()].filter((module) => module.providers.has(token))
  if (holders.length < 2) return
  throw new MillraceError(
    'CONFIG_INVALID',
    `MillraceModule is configured ${holders.length} times under the name "${name}". Configure it once, in the root module, or give each configuration a \`name\` of its own.`,
    { details: { field: 'name', value: name, remedy: 'Configure it once, or give each a `name` of its own' } },
  )
}

type Table = Record<string, ProcessorHandlers<Record<string, unknown>>[string]>

/** @throws MillraceError `HANDLER_EXISTS` */
function handlerTable(found: readonly FoundHandler[], { defined }: OpenedInstance): Table {
  const byType = new Map<string, FoundHandler[]>()
  for (const handler of found) byType.set(handler.jobType, [...(byType.get(handler.jobType) ?? []), handler])
  const table: Table = {}
  for (const [jobType, handlers] of byType) table[jobType] = merged(jobType, handlers)
  for (const [jobType, { handler, version, versions }] of defined) {
    const decorated = byType.get(jobType)?.[0]
    if (decorated !== undefined) throw exists(jobType, [decorated.where, '`defineJobs`'])
    const run = handler as HandlerFunction
    table[jobType] =
      version === undefined
        ? run
        : { version, handler: run, ...(versions && { versions: versions as Record<number, HandlerFunction> }) }
  }
  return table
}

/** The newest version, with the older ones beside it. */
function merged(jobType: string, handlers: readonly FoundHandler[]): Table[string] {
  const [newest, ...older] = handlers.toSorted((a, b) => (b.version ?? 0) - (a.version ?? 0))
  if (newest === undefined) throw new TypeError('a group has a member')
  for (const [index, one] of older.entries()) {
    const before = index === 0 ? newest : older[index - 1]
    if (one.version === undefined || one.version === before?.version)
      throw exists(jobType, [before?.where ?? '', one.where])
  }
  if (newest.version === undefined) return newest.run
  const versions = Object.fromEntries(older.map(({ version = 0, run }) => [version, run]))
  return { version: newest.version, handler: newest.run, ...(older.length > 0 && { versions }) }
}

function exists(jobType: string, places: readonly string[]): MillraceError {
  return new MillraceError(
    'HANDLER_EXISTS',
    `Two handlers are registered for the job type "${jobType}": ${places.join(' and ')}. Rename one type, or give each handler a \`version\` of its own. The same provider in two modules counts twice.`,
    { details: { field: 'jobType', value: jobType, remedy: 'Rename one type, or give each handler a `version`' } },
  )
}
