import { setTimeout as sleep } from 'node:timers/promises'
import type { EventFault, Heal, ProcessSite, ServerSite } from '../faults/fault.ts'
import type { HistoryEvent } from '../history/event.ts'
import type { Child } from './child.ts'
import { Random } from './random.ts'
import { LANES, type Step } from './schedule.ts'
import type { Database } from './database.ts'

export interface ConductorOptions {
  readonly site: Omit<ProcessSite, 'random'>
  /** Absent for a store without a server. */
  readonly database: Database | undefined
  readonly steps: readonly Step[]
  readonly record: (event: HistoryEvent) => void
  /** Called around each fault that befalls processes; what it answers, after it is over. */
  readonly around: () => () => Promise<void>
  /** Told of each fault as it begins. */
  readonly onStep: (name: string) => void
}

/**
 * Plays a schedule: steps of one lane one after the other, lanes side by side. Whatever is in force when `signal` fires is
 * healed at once; once this has resolved nothing is broken any more.
 */
export async function conduct(options: ConductorOptions, signal: AbortSignal): Promise<void> {
  await Promise.all(
    LANES.map(async (lane) => {
      for (const step of options.steps.filter((candidate) => candidate.lane === lane)) {
        await pause(step.pauseMs, signal)
        if (signal.aborted) return
        await play(step, options, signal)
      }
    }),
  )
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
  const heal = await inject(fault, withDatabase(site, options.database), victims ?? [])
  await pause(step.holdMs, signal)
  await heal?.()
  if (lasts) options.record({ ...about, phase: 'end' })
  await isOver?.()
}

function withDatabase(site: ProcessSite, database: Database | undefined): ProcessSite | ServerSite {
  return database === undefined ? site : { ...site, database }
}

async function inject(
  fault: EventFault,
  site: ProcessSite | ServerSite,
  victims: readonly Child[],
): Promise<Heal | void> {
  if (fault.place !== 'server') return fault.inject(site, victims)
  if (!('database' in site)) throw new Error(`${fault.name} needs a server`)
  return fault.inject(site, victims)
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
