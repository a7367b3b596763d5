import { fatal, type JobHandler } from 'millrace'
import type { Instance } from './instance.ts'

/** A bit of everything that the dashboard shows. */
export interface Filled {
  readonly done: number
  readonly dead: number
  readonly retrying: number
  readonly later: number
  readonly steps: number
  readonly dependent: number
  readonly schedule: number
}

const handlers: Readonly<Record<string, JobHandler>> = {
  'mail.send': async (payload, _signal, ctx) => {
    await ctx.setProgress(50)
    return { delivered: true, to: payload }
  },
  'report.build': () => {
    throw fatal(
      new Error('The template has no such field: “total”', { cause: new TypeError('undefined is not a number') }),
    )
  },
  'hook.post': () => {
    throw new Error('connect ECONNREFUSED 10.0.0.7:443')
  },
  'order.fulfil': async (_payload, _signal, ctx) => {
    await ctx.run('reserve', () => Promise.resolve({ shelf: 12 }))
    await ctx.run('charge', () => Promise.resolve({ receipt: 'r-1009' }))
    return 'shipped'
  },
}

export async function fill({ queue, run }: Pick<Instance, 'queue' | 'run'>): Promise<Filled> {
  const [done = 0] = await queue.addJobs(
    Array.from({ length: 12 }, (_, n) => ({
      jobType: 'mail.send',
      payload: { to: `ada${n}@example.com`, password: 'hunter2' },
      tags: ['mail', n % 2 === 0 ? 'even' : 'odd'],
    })),
  )
  const dead = await queue.addJob({ jobType: 'report.build', payload: { month: '2026-10' }, tags: ['report'] })
  const retrying = await queue.addJob({ jobType: 'hook.post', payload: { url: 'https://example.com' }, maxAttempts: 5 })
  const steps = await queue.addJob({ jobType: 'order.fulfil', payload: { order: 1009 }, group: { id: 'warehouse' } })
  while ((await run(handlers)) > 0);
  const later = await queue.addJob({
    jobType: 'mail.send',
    payload: { to: 'bob@example.com', password: 'hunter2' },
    runAt: new Date(Date.now() + 3_600_000),
    priority: 5,
  })
  const dependent = await queue.addJob({ jobType: 'mail.send', payload: {}, dependsOn: { jobIds: [later] } })
  const schedule = await queue.addCronJob({
    scheduleName: 'nightly-report',
    cronExpression: '30 2 * * *',
    timezone: 'Europe/Berlin',
    jobType: 'report.build',
    payload: {},
  })
  return { done, dead, retrying, later, steps, dependent, schedule }
}
