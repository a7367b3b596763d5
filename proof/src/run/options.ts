import { parseArgs } from 'node:util'
import type { Fault } from '../faults/fault.ts'
import { blockedLoop, wrongClocks } from '../faults/conditions.ts'
import { FAULTS } from '../faults/index.ts'
import { STORE_NAMES, type StoreName } from './settings.ts'

/** What the command line asks for. */
export interface ProofOptions {
  readonly seeds: readonly number[]
  readonly minutes: number
  readonly store: StoreName
  readonly version: 18 | 14
  readonly faults: readonly Fault[]
  /** Whether the faults were named: then each condition among them holds. Otherwise the seed decides. */
  readonly areNamed: boolean
  /** One run for each fault alone, and each seed. */
  readonly eachFault: boolean
  readonly perSecond: number
  readonly workers: number
  readonly producers: number
  /** Where the table of results goes as well, in Markdown. */
  readonly table: string | undefined
  /** Whether histories of runs without a violation are kept too. */
  readonly keep: boolean
}

export const USAGE = `npm run proof -- [--seed S | --seeds A..B] [--minutes M] [--store postgres|pglite|redis] [--faults a,b,c]
  --seed S          one run with this seed (default: drawn, and printed)
  --seeds A..B      one run for each seed
  --minutes M       how long load and faults go on, in each run (default 1)
  --store NAME      postgres (default), pglite or redis
  --version N       of PostgreSQL: 18 (default) or 14
  --faults a,b,c    these only, all of them in force; default: all, conditions by the seed; none: without
  --each-fault      one run for each fault alone and each seed
  --per-second N    operations a second (default 30)
  --workers N       worker processes (default 3); --producers N (default 2)
  --table FILE      writes the table of results there
  --short           the fixed runs that every change has to pass, and nothing else
  --million         1,000,000 jobs through two workers that are killed, and nothing else; --jobs N, --seed S
  --keep            keeps the history of runs without a violation too
faults: `

/** @throws Error with a sentence for the user. */
export function parseOptions(args: readonly string[]): ProofOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      minutes: { type: 'string', default: '1' },
      store: { type: 'string', default: 'postgres' },
      version: { type: 'string', default: '18' },
      faults: { type: 'string', default: 'all' },
      'each-fault': { type: 'boolean', default: false },
      'per-second': { type: 'string', default: '30' },
      workers: { type: 'string', default: '3' },
      producers: { type: 'string', default: '2' },
      table: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  })
  const store = oneOf('store', values.store, STORE_NAMES)
  return {
    seeds: seedsOf(values.seed, values.seeds),
    minutes: positive('minutes', values.minutes),
    store,
    version: values.version === '14' ? 14 : 18,
    faults: faultsOf(values.faults, store),
    areNamed: values.faults !== 'all',
    eachFault: values['each-fault'],
    perSecond: positive('per-second', values['per-second']),
    workers: positive('workers', values.workers),
    producers: positive('producers', values.producers),
    table: values.table,
    keep: values.keep,
  }
}

/** Whether a fault can befall a store at all. */
function concerns(fault: Fault, store: StoreName): boolean {
  if (fault.kind === 'condition') return store === 'postgres' || fault.isOfLoad === true || isOfRedisToo(fault, store)
  if (fault.place === 'server') return store === 'postgres'
  if (fault.place === 'redis') return store === 'redis'
  return fault.place === 'process' || store !== 'pglite'
}

function isOfRedisToo(fault: Fault, store: StoreName): boolean {
  return store === 'redis' && fault === wrongClocks
}

/** A handler that blocks its process for longer than the lease loses its job there, and its job is run, and blocks, again. */
function isByName(fault: Fault, store: StoreName): boolean {
  return (fault.kind === 'event' && fault.isByName === true) || (store === 'redis' && fault === blockedLoop)
}

function faultsOf(list: string, store: StoreName): readonly Fault[] {
  const possible = FAULTS.filter((fault) => concerns(fault, store))
  if (list === 'all') return possible.filter((fault) => !isByName(fault, store))
  if (list === 'none') return []
  return list.split(',').map((name) => {
    const found = possible.find((fault) => fault.name === name.trim())
    if (found !== undefined) return found
    throw new Error(`--faults: ${name} is none of ${possible.map((fault) => fault.name).join(', ')}`)
  })
}

function seedsOf(seed: string | undefined, seeds: string | undefined): readonly number[] {
  if (seeds === undefined) return [seed === undefined ? Math.floor(Math.random() * 1e6) : whole('seed', seed)]
  const [first, last] = seeds.split('..').map((text) => whole('seeds', text))
  if (first === undefined || last === undefined || last < first) throw new Error('--seeds: write A..B')
  return Array.from({ length: last - first + 1 }, (_, n) => first + n)
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new Error(`--${name}: ${text} is no number`)
  return value
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 1e6)) throw new Error(`--${name}: ${text} is no positive number`)
  return value
}

function oneOf<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text)
  if (found === undefined) throw new Error(`--${name}: ${text} is none of ${choices.join(', ')}`)
  return found
}
