import { setTimeout as sleep } from 'node:timers/promises'
import { isMillraceError } from 'millrace'
import { payloadHash } from '../history/payload-hash.ts'
import type { Plan } from '../load/plan.ts'
import { EFFECTS_TABLE } from './database.ts'
import type { Execution } from './handlers.ts'

export type DurablePlan = Extract<Plan, { do: 'flow' | 'transact' }>

export function isDurable(plan: Plan): plan is DurablePlan {
  return plan.do === 'flow' || plan.do === 'transact'
}

export function durable(plan: DurablePlan, execution: Execution): Promise<string> {
  return plan.do === 'flow' ? flow(plan, execution) : transact(plan, execution)
}

/**
 * Steps, a sleep and a token, each told of as its function begins and as its value is there. What follows a wait that is not over
 * does not run: the last that is heard of such an execution is the beginning of the wait.
 */
async function flow(plan: Extract<Plan, { do: 'flow' }>, execution: Execution): Promise<string> {
  const { ctx, exec, recorder } = execution
  for (let n = 0; n < plan.steps; n++) {
    await step(`step ${n}`, execution)
    if (n > 0 || plan.untilDbMs === undefined) continue
    recorder.record({ type: 'wait-begin', exec, wait: 'sleep', untilDbMs: plan.untilDbMs })
    await ctx.waitUntil(new Date(plan.untilDbMs))
    recorder.record({ type: 'wait-end', exec, wait: 'sleep' })
  }
  if (plan.token !== undefined) {
    recorder.record({ type: 'wait-begin', exec, wait: 'token', token: plan.token })
    const result = await ctx.waitForToken(plan.token)
    const value = result.ok ? { valueHash: payloadHash(result.output) } : {}
    recorder.record({ type: 'wait-end', exec, wait: 'token', ...value })
  }
  return `output of ${exec}`
}

async function step(name: string, { ctx, exec, recorder }: Execution): Promise<void> {
  const value = await ctx.run(name, async () => {
    recorder.record({ type: 'step-start', exec, step: name })
    await sleep(5)
    // Another one each time, so that a step that ran twice shows in what the later ones are given.
    return `${name} of ${exec}`
  })
  recorder.record({ type: 'step-value', exec, step: name, valueHash: payloadHash(value) })
}

async function transact(plan: Extract<Plan, { do: 'transact' }>, execution: Execution): Promise<string> {
  const { ctx, exec, recorder } = execution
  const call = `${exec}/transaction`
  const output = `output of ${exec}`
  recorder.record({ type: 'report', call, exec, verb: 'transaction', valueHash: payloadHash(output) })
  try {
    await ctx.transaction(async (tx) => {
      await tx.query(`insert into ${EFFECTS_TABLE} (job) values ($1)`, [ctx.jobId])
      await sleep(plan.ms)
      if (ctx.attempt <= plan.times) throw new Error('as planned, in the middle of a transaction')
      return output
    })
  } catch (error) {
    const about = isMillraceError(error) ? { code: error.code, isUnknown: error.details.outcome === 'unknown' } : {}
    recorder.record({ type: 'report-error', call, ...about, message: String(error) })
    throw error
  }
  recorder.record({ type: 'report-ok', call })
  return output
}
