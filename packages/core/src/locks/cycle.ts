import { refuseOption } from '../model/check.ts'
import { checkTimeout, withinTime } from './time-limit.ts'

/** A step of a cycle: usually a call of `runExclusive`, or a function that makes one. */
export interface CycleStep {
  readonly name: string
  /**
   * Throws, or answers an object with `status: 'failure'` or `skipped: true`, if the steps that need it must not run. The signal
   * fires when its time is up.
   */
  readonly run: (signal: AbortSignal) => unknown
  /** How long it may take, in milliseconds; then it has failed, and the cycle goes on without waiting for it. Default: any time. */
  readonly timeoutMs?: number
  /** Names of earlier steps without whose success in this cycle it does not run. */
  readonly needs?: readonly string[]
  /** Leaves the step out; the steps that need it run as if it had succeeded. Default true. */
  readonly enabled?: boolean
}

/** What became of one step of a cycle. */
export type CycleStepResult =
  | { readonly name: string; readonly outcome: 'success' | 'skipped'; readonly value: unknown }
  | { readonly name: string; readonly outcome: 'failure'; readonly value?: unknown; readonly error?: unknown }
  | { readonly name: string; readonly outcome: 'disabled' }
  | { readonly name: string; readonly outcome: 'not_run'; readonly because: string }

/**
 * Runs steps one after the other. A step that fails holds up only those that need it. Never rejects for a failing step.
 *
 * @throws MillraceError `OPTION_INVALID` for a name that is there twice, a need that no earlier step has, or a
 *   bad `timeoutMs`
 */
export async function runCycle(steps: readonly CycleStep[]): Promise<CycleStepResult[]> {
  checkSteps(steps)
  const results = new Map<string, CycleStepResult>()
  for (const step of steps) {
    const missing = step.needs?.find((name) => !isFine(results.get(name)))
    if (step.enabled === false) results.set(step.name, { name: step.name, outcome: 'disabled' })
    else if (missing !== undefined) results.set(step.name, { name: step.name, outcome: 'not_run', because: missing })
    else results.set(step.name, await runStep(step))
  }
  return [...results.values()]
}

async function runStep({ name, run, timeoutMs }: CycleStep): Promise<CycleStepResult> {
  try {
    const value: unknown = await withinTime({ what: `The step \`${name}\``, timeoutMs }, run)
    if (field(value, 'status') === 'failure') return { name, outcome: 'failure', value }
    return { name, outcome: field(value, 'skipped') === true ? 'skipped' : 'success', value }
  } catch (error) {
    return { name, outcome: 'failure', error }
  }
}

function isFine(result: CycleStepResult | undefined): boolean {
  return result?.outcome === 'success' || result?.outcome === 'disabled'
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function checkSteps(steps: readonly CycleStep[]): void {
  const earlier = new Set<string>()
  for (const { name, needs = [], timeoutMs } of steps) {
    checkTimeout(timeoutMs)
    if (earlier.has(name)) refuseOption('steps', name, 'steps with different names', 'Rename one of them')
    const unknown = needs.find((need) => !earlier.has(need))
    if (unknown !== undefined) refuseOption('needs', unknown, `the name of a step before \`${name}\``, 'Put it first')
    earlier.add(name)
  }
}
