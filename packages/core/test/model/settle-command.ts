import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { cancelled, completed, failed, released, retry, snoozed } from '../../src/conformance/bench.ts'
import type { Settlement } from '../../src/store/settle.ts'
import type { Handle } from './job.ts'
import type { ModelQueue } from './queue.ts'
import { anyOne, pickHandle, seldom, step, type Command } from './step.ts'

export interface SettlementChoice {
  readonly n: number
  readonly isStale: boolean
  // Waits are for the conformance cases.
  readonly kind: Exclude<Settlement['kind'], 'waiting'>
  readonly hasOutput: boolean
  readonly delayHours: number
}

export const settlementChoice: fc.Arbitrary<SettlementChoice> = fc.record({
  n: anyOne,
  isStale: seldom,
  kind: fc.constantFrom('completed', 'completed', 'retry', 'failed', 'snoozed', 'released', 'cancelled'),
  hasOutput: fc.boolean(),
  delayHours: fc.constantFrom(0, 1),
})

/** The settlement that is meant, if there is an attempt to settle. */
export function settlement(model: ModelQueue, choice: SettlementChoice): Settlement | undefined {
  const handle = pickHandle(model, choice)
  return handle && settlementOf(handle, choice)
}

function settlementOf(handle: Handle, { kind, hasOutput, delayHours }: SettlementChoice): Settlement {
  const delayMs = delayHours * 3_600_000
  switch (kind) {
    case 'completed':
      return completed(handle, hasOutput ? '"done"' : undefined)
    case 'retry':
      return retry(handle, delayMs)
    case 'failed':
      return failed(handle)
    case 'snoozed':
      return snoozed(handle, delayMs)
    case 'released':
      return released(handle)
    case 'cancelled':
      return cancelled(handle)
  }
}

/** A batch of settlements; each attempt is in it once, a job perhaps more often. */
export const settleCommand: fc.Arbitrary<Command> = fc
  .tuple(fc.array(settlementChoice, { minLength: 1, maxLength: 4 }), fc.constantFrom(true, true, true, false))
  .map(([choices, keepCompleted]) =>
    step(`settle ${JSON.stringify(choices)}${keepCompleted ? '' : ' without history'}`, async (model, { target }) => {
      const byToken = new Map<string, Settlement>()
      for (const choice of choices) {
        const meant = settlement(model, choice)
        if (meant) byToken.set(`${meant.id}:${meant.token}`, meant)
      }
      const settlements = [...byToken.values()]
      if (settlements.length === 0) return
      const answers = await target.store.settle({ settlements, keepCompleted })
      const expected = settlements.map((meant) => model.settle(meant, keepCompleted))
      deepStrictEqual(
        answers.map((answer, at) => (expected[at] === 'any' ? 'any' : answer)),
        expected,
        'what the batch answers',
      )
    }),
  )
