import type { FaultEffect } from '../history/run-event.ts'
import type { Child } from '../run/child.ts'
import type { ChildProcesses } from '../run/children.ts'
import type { Database } from '../run/database.ts'
import type { Random } from '../run/random.ts'
import type { RedisServer } from '../run/redis-server.ts'
import type { Settings } from '../run/settings.ts'

/** What a fault can get hold of while a run is under way. */
export interface ProcessSite {
  readonly workers: ChildProcesses
  readonly producers: ChildProcesses
  readonly leaseMs: number
  /** Draws the same numbers whenever the same seed is replayed. */
  readonly random: Random
}

export interface ServerSite extends ProcessSite {
  readonly database: Database
}

export interface RedisSite extends ProcessSite {
  readonly redis: RedisServer
  /** How many jobs have completed, asked on a way that no fault is on. */
  readonly completed: () => Promise<number>
}

/** Ends what `inject` began. */
export type Heal = () => Promise<void> | void

interface FaultBase {
  /** As `--faults` takes it. */
  readonly name: string
  readonly effect: FaultEffect
  /** Why it cannot be done here, if so: it is then listed as not run, and fails the run with `CI=true`. */
  readonly missing?: () => string | undefined
  /** Changes what the run is started with, so that it can happen. */
  readonly arrange?: (settings: Settings) => void
}

/**
 * Something that happens for a while during a run. The conductor records it: before `inject` that it begins, after what `inject`
 * answered has been called that it is over.
 */
interface EventBase<Site> extends FaultBase {
  readonly kind: 'event'
  /** How often it is chosen, against 1 of the others. */
  readonly weight?: number
  /** Nobody tells those it hits; they have to notice. */
  readonly isSilent?: boolean
  /** How long it lasts: shortest and longest, in milliseconds. Absent: it is over as soon as it is done. */
  readonly holdMs?: (leaseMs: number) => readonly [least: number, most: number]
  /** The server may lose what it acknowledged less than so long before. */
  readonly losesMs?: number
  /** Not among those of a run that names none: it excuses too much for the others to show anything. */
  readonly isByName?: true
  /** Whom it hits; absent: everybody. */
  readonly victims?: (site: ProcessSite) => readonly Child[]
  readonly inject: (site: Site, victims: readonly Child[]) => Promise<Heal | void> | Heal | void
}

/** Befalls processes, or the network between them and the database. Those of this kind follow each other. */
export interface ProcessFault extends EventBase<ProcessSite> {
  readonly place: 'process' | 'network'
}

/** Befalls the server. Those of this kind follow each other, beside those of the other: a worker can be frozen while it restarts. */
export interface ServerFault extends EventBase<ServerSite> {
  readonly place: 'server'
}

/** Befalls a Redis server, as a `ServerFault` does that of PostgreSQL. */
export interface RedisFault extends EventBase<RedisSite> {
  readonly place: 'redis'
}

export type EventFault = ProcessFault | ServerFault | RedisFault

/** Something that holds for the whole run. */
export interface ConditionFault extends FaultBase {
  readonly kind: 'condition'
  /** Of the load alone, so that it holds with every store. */
  readonly isOfLoad?: true
  readonly arrange: (settings: Settings) => void
}

export type Fault = EventFault | ConditionFault

export function oneWorker({ random, workers }: ProcessSite): readonly Child[] {
  return [random.pick(workers.running())]
}

/** Mostly one that has begun to work, so that there is something to lose; where every start is slow that would be rare. */
export function oneWorkingWorker(site: ProcessSite): readonly Child[] {
  const { random, workers } = site
  const atWork = workers.running().filter((worker) => worker.hasSaid('working'))
  return random.chance(0.8) && atWork.length > 0 ? [random.pick(atWork)] : oneWorker(site)
}

export function oneProducer({ random, producers }: ProcessSite): readonly Child[] {
  return [random.pick(producers.running())]
}

/** Mostly a worker. */
export function oneProcess(site: ProcessSite): readonly Child[] {
  return site.random.chance(0.75) ? oneWorker(site) : oneProducer(site)
}

export function everyProcess({ workers, producers }: ProcessSite): readonly Child[] {
  return [...workers.running(), ...producers.running()]
}
