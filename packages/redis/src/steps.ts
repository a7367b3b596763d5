import { MillraceError } from 'millrace'
import type { StepStore } from 'millrace/store'

/** Why nothing that a handler remembers or waits for can be stored. */
export function stepsNotYet(): MillraceError {
  const remedy = 'Run such jobs on PostgreSQL, or split them into jobs that depend on each other'
  return new MillraceError(
    'NOT_YET',
    `Steps, waits, tokens, signals and events are not part of the Redis store yet. ${remedy}.`,
    { details: { field: 'backend', value: 'redis', remedy, outcome: 'none' } },
  )
}

const refuse = (): Promise<never> => Promise.reject(stepsNotYet())

export function stepVerbs(): StepStore {
  return {
    // A job that was tried before may ask what it remembers: nothing.
    loadSteps: () => Promise.resolve([]),
    storeStep: refuse,
    findStep: refuse,
    openWait: refuse,
    completeIn: refuse,
    findCompletion: refuse,
    listSteps: () => Promise.resolve([]),
  }
}
