import { describe, expect, it } from 'vitest'
import { batchDepRef, initJobQueue, type JobQueue } from '../../src/index.ts'

// specs/job-queue.md, appendix A: what is thrown at once and what is rejected. Nothing here reaches a database.

const queue = (): JobQueue =>
  initJobQueue({ databaseConfig: { connectionString: 'postgres://nobody@127.0.0.1:1/nothing' } })

describe('thrown at once', () => {
  it.each([0, -1, 1.5, '2', Number.NaN])('by createProcessor for groupConcurrency %j', async (groupConcurrency) => {
    await using own = queue()
    const message = 'Processor option "groupConcurrency" must be a positive integer when provided.'
    expect(() => own.createProcessor({}, { groupConcurrency: groupConcurrency as number })).toThrow(message)
  })

  it.each([-1, 0.5, Number.NaN])('by batchDepRef for index %d', (index) => {
    expect(() => batchDepRef(index)).toThrow(`batchDepRef: expected non-negative integer index, got ${index}`)
  })

  it('by createProcessor and createSupervisor for an option that does not exist', async () => {
    await using own = queue()
    expect(() => own.createProcessor({}, { concurency: 5 } as never)).toThrow(/concurency/)
    expect(() => own.createSupervisor({ interval: 5 } as never)).toThrow(/interval/)
  })
})

describe('rejected, never thrown', () => {
  it.each<[string, (own: JobQueue) => Promise<unknown>]>([
    ['addJob without a job', (own) => own.addJob(undefined as never)],
    ['addJob without a type', (own) => own.addJob({ payload: {} } as never)],
    ['addJob with a payload that is no JSON', (own) => own.addJob({ jobType: 'work', payload: () => 1 })],
    ['addJobs with no list', (own) => own.addJobs('jobs' as never)],
    ['addJobs with a bad job', (own) => own.addJobs([{ jobType: '', payload: 1 }])],
    ['getJob with no id', (own) => own.getJob(Number.NaN)],
    ['getJobs with a bad filter', (own) => own.getJobs({ priority: 'high' } as never)],
    ['getJobsByTags with no list', (own) => own.getJobsByTags('a' as never)],
    ['editJob with no id', (own) => own.editJob(0, { priority: 1 })],
    ['getJobEvents with no id', (own) => own.getJobEvents(1.5)],
    ['editJob with a bad value', (own) => own.editJob(1, { priority: 0.5 })],
    ['editAllPendingJobs with a bad value', (own) => own.editAllPendingJobs({}, { maxAttempts: 0 })],
    ['cancelJob with no id', (own) => own.cancelJob('1' as never)],
    ['cancelAllUpcomingJobs with a bad filter', (own) => own.cancelAllUpcomingJobs({ jobTypes: 'x' } as never)],
    ['retryJob with no id', (own) => own.retryJob(-1)],
    ['reclaimStuckJobs with nonsense', (own) => own.reclaimStuckJobs(Number.NaN)],
    ['cleanupOldJobs with nonsense', (own) => own.cleanupOldJobs(-1)],
    ['cleanupOldJobEvents with nonsense', (own) => own.cleanupOldJobEvents(30, 0)],
  ])('%s', async (_, call) => {
    await using own = queue()
    const called = call(own)
    expect(called).toBeInstanceOf(Promise)
    await expect(called).rejects.toMatchObject({
      name: 'MillraceError',
      code: expect.stringMatching(/OPTION_INVALID|PAYLOAD_INVALID/),
    })
  })
})
