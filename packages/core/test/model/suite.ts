import fc from 'fast-check'
import { Bench } from '../../src/conformance/bench.ts'
import type { ModelTarget } from '../support/model-target.ts'
import { commands } from './commands.ts'
import { ModelQueue } from './queue.ts'
import type { Real } from './step.ts'

/**
 * How many random histories each store goes through: few enough for every change by default, `MILLRACE_MODEL_RUNS` for more
 * (`npm run check:full` asks for 300). The default seed is fixed, so that a change is not blamed for what another did; with
 * `MILLRACE_MODEL_RUNS` it is random, and told by a failure. `MILLRACE_MODEL_SEED` repeats one.
 */
const { MILLRACE_MODEL_RUNS: RUNS, MILLRACE_MODEL_SEED: SEED } = process.env
const DEFAULT_RUNS = 60
const DEFAULT_SEED = 20_261_125

/** Holds a store against the model, by random histories: `runs` of them, unless the environment says how many. */
export async function runModel(
  target: ModelTarget,
  { endOnFailure = false, runs = DEFAULT_RUNS }: { readonly endOnFailure?: boolean; readonly runs?: number } = {},
): Promise<void> {
  const seed = SEED ?? (RUNS === undefined ? DEFAULT_SEED : undefined)
  await fc.assert(
    fc.asyncProperty(commands, async (history) => {
      await target.reset()
      const real: Real = { target, bench: new Bench(target), workers: [] }
      await fc.asyncModelRun(() => ({ model: new ModelQueue(), real }), history)
    }),
    {
      numRuns: Number(RUNS ?? runs),
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      // Not worth shrinking for somebody who only asks whether it fails.
      endOnFailure,
      interruptAfterTimeLimit: 600_000,
    },
  )
}
