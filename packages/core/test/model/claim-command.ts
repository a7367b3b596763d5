import { deepStrictEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import type { ExchangeResult } from '../../src/store/claim.ts'
import type { Settlement } from '../../src/store/settle.ts'
import type { ModelJob } from './job.ts'
import type { ModelQueue } from './queue.ts'
import { settlement, settlementChoice, type SettlementChoice } from './settle-command.ts'
import { anyOne, pickWorker, seldom, step, type Act, type Command } from './step.ts'

interface ClaimChoice {
  readonly worker: number
  readonly isGone: boolean
  readonly limit: number
  readonly slots: number
  readonly isSweep: boolean
  readonly groups: boolean
  readonly housekeeping: boolean
  readonly jobTypes: readonly string[] | undefined
  /** Settled in the same round trip. */
  readonly first: SettlementChoice | undefined
}

const choices: fc.Arbitrary<ClaimChoice> = fc.record({
  worker: anyOne,
  isGone: seldom,
  limit: fc.nat({ max: 5 }),
  slots: fc.nat({ max: 5 }),
  isSweep: fc.constantFrom(true, true, true, false),
  groups: fc.boolean(),
  housekeeping: seldom,
  jobTypes: fc.constantFrom(undefined, undefined, undefined, ['dead'], ['work'], []),
  first: fc.option(settlementChoice, { nil: undefined }),
})

/** One round trip of a worker: settle, keep house, give places in groups, claim. */
export const claimCommand: fc.Arbitrary<Command> = choices.map((choice) =>
  step(`exchange ${JSON.stringify(choice)}`, exchange(choice), (model) => model.workers.size > 0),
)

function exchange(choice: ClaimChoice): Act {
  return async (model, real) => {
    const { slots, housekeeping, groups, isSweep, jobTypes } = choice
    // Several jobs of groups that become due and get their places in one call do so in an order that nobody can see.
    const limit = housekeeping && model.dueInGroups() > 0 ? 0 : choice.limit
    const worker = pickWorker(model, real, { n: choice.worker, isGone: choice.isGone })
    const first = choice.first === undefined ? undefined : settlement(model, choice.first)
    const result = await real.bench.exchange(worker, {
      settlements: first === undefined ? [] : [first],
      limit,
      slots,
      housekeeping,
      groups,
      from: isSweep ? 'sweep' : levels(model),
      ...(jobTypes === undefined ? {} : { jobTypes }),
    })
    if (first !== undefined) checkFirst(model, first, result)
    if (housekeeping) checkHousekeeping(model, result)
    const isKnownGone = housekeeping && !model.workers.has(worker)
    const claims = limit > 0 && !isKnownGone
    if (claims && (groups || isSweep)) model.serveGroups()
    return () => checkClaim(model, { ...choice, worker, limit: claims ? limit : 0, isAlive: !isKnownGone }, result)
  }
}

function checkFirst(model: ModelQueue, first: Settlement, { settled }: ExchangeResult): void {
  const answer = model.settle(first, true)
  if (answer !== 'any') deepStrictEqual(settled, [answer], 'what was settled first')
}

function checkHousekeeping(model: ModelQueue, { housekeeping }: ExchangeResult): void {
  deepStrictEqual(housekeeping?.rescued, model.rescue(), 'how many were rescued')
  deepStrictEqual(housekeeping?.promoted, model.promote(), 'how many were promoted')
}

/** Every level of a job that there is, from its beginning. */
function levels(model: ModelQueue): { priority: number; fromSeq: number }[] {
  const priorities = new Set([...model.jobs.values()].map((job) => job.priority).concat(0))
  return [...priorities].toSorted((a, b) => b - a).map((priority) => ({ priority, fromSeq: 0 }))
}

interface Claim extends ClaimChoice {
  readonly isAlive: boolean
}

function checkClaim(model: ModelQueue, claim: Claim, result: ExchangeResult): void {
  const { worker, limit, slots, jobTypes, isSweep } = claim
  const isThere = model.workers.has(worker)
  const { next, isHeld } = model.nextOf(limit, slots, jobTypes)
  const expected = isThere ? next : []
  deepStrictEqual(result.alive, claim.isAlive && (isThere || next.length === 0), 'whether it is alive')
  deepStrictEqual(
    result.jobs.map(({ id }) => id),
    expected.map(({ id }) => id),
    'what is claimed, in order',
  )
  deepStrictEqual(result.hasHeld ?? false, isHeld, 'whether last attempts were held back')
  if (isSweep && limit > 0) checkLevels(model, result, expected)
  const token = result.jobs[0]?.token
  if (token === undefined) return
  ok(token > model.lastToken, `token ${token} was never used before`)
  for (const [at, job] of result.jobs.entries()) {
    const { attempts, maxAttempts, priority, group, key } = expected[at] ?? {}
    deepStrictEqual(
      [job.token, job.attempt, job.maxAttempts, job.priority, job.groupId, job.idempotencyKey],
      [token, Number(attempts) + 1, maxAttempts, priority, group, key],
      `what the worker is told of job ${job.id}`,
    )
  }
  model.claim(expected, worker, token)
}

/** After a sweep, a claim that starts at the levels it told must miss nothing. */
function checkLevels(model: ModelQueue, { levels: told = [] }: ExchangeResult, claimed: readonly ModelJob[]): void {
  if (told === 'many') return
  for (const job of model.live()) {
    if (job.place !== 'ready' || claimed.includes(job)) continue
    const level = told.find(({ priority }) => priority === job.priority)
    ok(level !== undefined && level.fromSeq <= Number(job.seq), `job ${job.id} is not below its level's bound`)
  }
}
