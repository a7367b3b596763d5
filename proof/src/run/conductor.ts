import { setTimeout as sleep } from 'node:timers/promises'
import type { EventFault, Heal, ProcessSite } from '../faults/fault.ts'
import type { HistoryEvent } from '../history/event.ts'
import type { Child } from './child.ts'
import { Random } from './random.ts'
import { LANES, type Step } from './schedule.ts'
import type { Database } from './database.ts'
import type { RedisServer } from './redis-server.ts'

export interface ConductorOptions {
  readonly site: Omit<ProcessSite, 'random'>
  readonly servers: Servers
  readonly steps: readonly Step[]
  readonly record: (event: HistoryEvent) => void
  /** Called around each fault that befalls processes; what it answers, after it is over. */
  readonly around: () => () => Promise<void>
  /** Told of each fault as it begins. */
  readonly onStep: (name: string) => void
}

/** The server of the run, if its store has one. */
export interface Servers {
  readonly database: Database | undefined
  readonly redis: RedisServer | undefined
  readonly completed: () => Promise<number>
}

/**
 * Plays a schedule: steps of one lane one after the other, lanes side by side. Whatever is in force when `signal` fires is
 * healed at once; once this has resolved nothing is broken any more.
 */
export async function conduct(options: ConductorOptions, signal: AbortSignal): Promise<void> {
  const failed = new AbortController()
  const isOver = AbortSignal.any([signal, failed.signal])
  const lanes = await Promise.allSettled(
    LANES.map(async (lane) => {
      try {
        for (const step of options.steps.filter((candidate) => candidate.lane === lane)) {
          await pause(step.pauseMs, isOver)
          if (isOver.aborted) return
          await play(step, options, isOver)
        }
      } catch (error) {
        // The other lanes end, too: what they would go on to break is being taken down.
        failed.abort()
        throw error
      }
    }),
  )
  for (const lane of lanes) if (lane.status === 'rejected') throw lane.reason
}

async function play(step: Step, options: ConductorOptions, signal: AbortSignal): Promise<void> {
  const { fault } = step
  const site = { ...options.site, random: new Random(step.seed) }
  await Promise.all([site.workers.anyRuns(), site.producers.anyRuns()])
  const victims = fault.victims?.(site)
  const about = {
    type: 'fault',
    id: `${fault.name}-${step.seed}`,
    name: fault.name,
    effect: fault.effect,
    ...(victims === undefined ? {} : { workers: victims.map(({ name }) => name) }),
    ...(fault.isSilent === true ? { silent: true } : {}),
  } as const
  options.onStep(fault.name)
  const lasts = fault.holdMs !== undefined
  options.record({ ...about, phase: lasts ? 'begin' : 'once' })
  const isOver = fault.place === 'process' ? options.around() : undefined
  if (fault.losesMs !== undefined) options.record({ ...lossOf(about), lossMs: fault.losesMs, phase: 'begin' })
  const heal = await inject(fault, { site, servers: options.servers }, victims ?? [])
  await pause(step.holdMs, signal)
  await heal?.()
  if (fault.losesMs !== undefined) options.record({ ...lossOf(about), phase: 'end' })
  if (lasts) options.record({ ...about, phase: 'end' })
  await isOver?.()
}

function lossOf<About extends { readonly id: string }>(about: About): About & { readonly effect: 'lossy' } {
  return { ...about, id: `${about.id}-loss`, effect: 'lossy' }
}

async function inject(
  fault: EventFault,
  { site, servers }: { readonly site: ProcessSite; readonly servers: Servers },
  victims: readonly Child[],
): Promise<Heal | void> {
  const { database, redis, completed } = servers
  switch (fault.place) {
    case 'process':
    case 'network':
      return fault.inject(site, victims)
    case 'server':
      if (database === undefined) throw new Error(`${fault.name} needs a PostgreSQL server`)
      return fault.inject({ ...site, database }, victims)
    case 'redis':
      if (redis === undefined) throw new Error(`${fault.name} needs a Redis server`)
      return fault.inject({ ...site, redis, completed }, victims)
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
