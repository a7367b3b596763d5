import fc from 'fast-check'
import type { Bench } from '../../src/conformance/bench.ts'
import type { ModelTarget } from '../support/model-target.ts'
import { compare, observe } from './compare.ts'
import type { Handle } from './job.ts'
import type { ModelQueue } from './queue.ts'

/** The real thing under a command. */
export interface Real {
  readonly target: ModelTarget
  readonly bench: Bench
  /** Every worker that ever was. */
  readonly workers: number[]
}

export type Command = fc.AsyncCommand<ModelQueue, Real, true>

/**
 * Does one thing to both and checks the answer; what it returns is called once the model has taken over what the store drew, and before
 * the two are compared.
 */
export type Act = (model: ModelQueue, real: Real) => Promise<(() => void) | void>

/** A command that says in a counter-example what it did. Each is followed by a comparison of everything. */
export function step(
  text: string,
  act: Act,
  check: (model: Pick<ModelQueue, 'workers'>) => boolean = () => true,
): Command {
  return {
    check: (model) => Promise.resolve(check(model)),
    async run(model, real) {
      const finish = await act(model, real)
      const first = await observe(real.target, model)
      finish?.()
      compare(model, first)
    },
    toString: () => text,
  }
}

/** One of a list, by any number; `undefined` of an empty list. */
export function pick<T>(list: readonly T[], n: number): T | undefined {
  return list[n % Math.max(1, list.length)]
}

/** A worker that exists, or with `isGone` any that ever did. */
export function pickWorker(model: ModelQueue, real: Real, { n, isGone }: { n: number; isGone: boolean }): number {
  const worker = pick(isGone ? real.workers : [...model.workers.keys()], n)
  return worker ?? pick(real.workers, n) ?? 0
}

/** An attempt that holds its lease, or with `isStale` any that ever did. */
export function pickHandle(model: ModelQueue, { n, isStale }: { n: number; isStale: boolean }): Handle | undefined {
  const current = model.handles.filter((handle) => model.current(handle))
  return (isStale ? undefined : pick(current, n)) ?? pick(model.handles, n)
}

/** The id of some job; mostly of one that is there. */
export function pickJob(model: ModelQueue, n: number): number {
  return pick([...model.jobs.keys()], n) ?? 999_999_999
}

/** A small number to pick with: shrinks to the first. */
export const anyOne: fc.Arbitrary<number> = fc.nat({ max: 11 })
/** True now and then. */
export const seldom: fc.Arbitrary<boolean> = fc.nat({ max: 5 }).map((n) => n === 5)
