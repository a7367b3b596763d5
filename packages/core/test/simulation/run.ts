import { checkHistory } from './checks.ts'
import type { Sabotage } from './scenario.ts'
import { World } from './world.ts'

export interface Report {
  readonly seed: number
  readonly violations: readonly string[]
  /** What happened to the jobs at fault; everything when no job is named. */
  readonly trace: readonly string[]
}

/** Runs the world of one seed and judges its history. */
export async function simulate(seed: number, sabotage?: Sabotage): Promise<Report> {
  const { history, scenario, violations: seen } = await new World(seed, sabotage).run()
  const violations = [...seen, ...checkHistory(history, scenario)]
  if (violations.length === 0) return { seed, violations, trace: [] }
  const ids = new Set(violations.flatMap((text) => [...text.matchAll(/\bjob (\d+)/g)].map(([, id]) => Number(id))))
  const trace = [JSON.stringify(scenario), ...history.lines(ids.size === 0 ? undefined : ids)]
  return { seed, violations, trace }
}

/** What a person needs to know of a seed that failed. */
export function describeFailure({ seed, violations, trace }: Report): string {
  const command = `MILLRACE_SIMULATION_SEED=${seed} npm test -- --no-servers simulation/simulation`
  return [`seed ${seed}:`, ...violations.slice(0, 20), '', `replay: ${command}`, '', ...trace.slice(-400)].join('\n')
}
