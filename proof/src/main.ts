import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Fault } from './faults/fault.ts'
import { FAULTS } from './faults/index.ts'
import { proveMillion } from './million/million.ts'
import { parseOptions, USAGE, type ProofOptions } from './run/options.ts'
import { missingRedis } from './run/redis-server.ts'
import { run } from './run/run.ts'
import { SHORT_FORM } from './run/short-form.ts'
import { markdownTable, type Row } from './run/table.ts'
import { judge, type Verdict } from './run/verdict.ts'

const RUNS = fileURLToPath(new URL('../runs', import.meta.url))
const inCi = process.env['CI'] === 'true' || process.env['CI'] === '1'

/** Enough to see what is wrong; the kept history has them all. */
const MOST_SHOWN = 15

/** Runs the proof as its arguments say; the exit code says whether every promise held. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    say(USAGE + FAULTS.map(({ name }) => name).join(', '))
    return 0
  }
  if (args.includes('--short')) {
    const codes: number[] = []
    for (const short of SHORT_FORM) codes.push(await prove(parseOptions(short)))
    return Math.max(...codes)
  }
  if (args.includes('--million')) return (await proveMillion(args, say)).length === 0 ? 0 : 1
  return prove(parseOptions(args))
}

/** The runs of one command line. */
async function prove(options: ProofOptions): Promise<number> {
  const noServer = options.store === 'redis' ? await missingRedis() : undefined
  if (noServer !== undefined) {
    say(`proof: NOT RUN: ${noServer}`)
    return inCi ? 1 : 0
  }
  const notRun = options.faults.flatMap((fault) => {
    const reason = fault.missing?.()
    return reason === undefined ? [] : [`${fault.name}: ${reason}`]
  })
  for (const line of notRun) say(`proof: NOT RUN: ${line}`)
  if (notRun.length > 0 && inCi) return 1
  const faults = options.faults.filter((fault) => fault.missing?.() === undefined)
  const rows: Row[] = []
  for (const set of options.eachFault ? faults.map((fault) => [fault]) : [faults]) {
    for (const seed of options.seeds) rows.push(await proveOne(options, set, seed))
  }
  const table = markdownTable(rows)
  say(`\n${table}`)
  if (options.table !== undefined) writeFileSync(options.table, `${table}\n`)
  return rows.every(({ verdict }) => verdict.violations.length === 0) ? 0 : 1
}

async function proveOne(options: ProofOptions, faults: readonly Fault[], seed: number): Promise<Row> {
  const alone = options.eachFault ? faults[0]?.name : undefined
  const folder = join(RUNS, [options.store, alone, `seed-${seed}`, Date.now()].filter(Boolean).join('-'))
  mkdirSync(folder, { recursive: true })
  const name = alone === undefined ? `seed ${seed}` : `${alone}, seed ${seed}`
  say(`proof: ${name}, ${options.minutes} min on ${options.store}`)
  const { areNamed, eachFault } = options
  const outcome = await run({
    ...options,
    seed,
    faults,
    folder,
    conditionChance: areNamed || eachFault ? 1 : 0.3,
    say,
  })
  const verdict = judge(seed, folder, outcome)
  tell(verdict)
  if (verdict.violations.length > 0) {
    writeFileSync(join(folder, 'server.log'), outcome.serverLog)
    say(`proof: FAILED; its history is in ${folder}; again: ${replay(options, alone, seed)}`)
  } else if (!options.keep) {
    rmSync(folder, { recursive: true, force: true })
  }
  return { name, verdict }
}

function tell({ outcome, judgement, violations }: Verdict): void {
  const faults = [...outcome.conditions, ...[...outcome.injected].map(([name, times]) => `${times} × ${name}`)]
  say(`  faults: ${faults.join(', ') || 'none'}; replies lost: ${outcome.repliesLost}`)
  const figures = Object.entries(judgement.counters).filter(([, value]) => value !== undefined)
  say(`  ${figures.map(([name, value]) => `${name} ${typeof value === 'number' ? round(value) : value}`).join(', ')}`)
  const held = judgement.verdicts.filter(({ verdict }) => verdict === 'held').map(({ guarantee }) => guarantee)
  say(`  held: ${held.join(' ')}`)
  for (const violation of violations.slice(0, MOST_SHOWN)) say(`  VIOLATION ${violation}`)
  if (violations.length > MOST_SHOWN) say(`  and ${violations.length - MOST_SHOWN} more`)
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}

/** The command that repeats one run. */
function replay(options: ProofOptions, alone: string | undefined, seed: number): string {
  const { minutes, store, version, areNamed, perSecond, workers, producers } = options
  const names = alone ?? (areNamed ? options.faults.map(({ name }) => name).join(',') || 'none' : undefined)
  return [
    `npm run proof -- --seed ${seed} --minutes ${minutes} --store ${store} --version ${version}`,
    ...(names === undefined ? [] : [`--faults ${names}`]),
    `--per-second ${perSecond} --workers ${workers} --producers ${producers} --keep`,
  ].join(' ')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

try {
  const code = await main(process.argv.slice(2))
  // What a fault has left behind must not keep it alive.
  process.exit(code)
} catch (error) {
  process.stderr.write(`proof: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  // At once: a run that could not go on has nothing more to say, and what it left behind must not keep it alive.
  process.exit(2)
}
