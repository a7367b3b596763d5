import { describe, expect, test } from 'vitest'
import { createEffects, effectsOf, expireLease, startsOf } from '../support/effects.ts'
import { type Lab, openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'
import { randomFrom } from '../support/random.ts'

/** A longer run: MILLRACE_TEST_STEP_KILLS=100, as `npm run check:full` has it. */
const KILLS = Number(process.env['MILLRACE_TEST_STEP_KILLS'] ?? 10)
const SEED = Number(process.env['MILLRACE_TEST_STEP_SEED'] ?? Math.floor(Math.random() * 1e9))
const STEPS = 200

interface Dying {
  kills: number
}

/** So many steps that all kills together are about one job, and at random how far each worker comes. */
const MOST_STEPS = Math.max(0, (2 * STEPS) / KILLS - 3)

/** Workers one after the other, each of which kills itself in the middle of something, until there were `KILLS` of them. */
async function dieRepeatedly(lab: Lab, random: () => number, dying: Dying): Promise<void> {
  while (dying.kills < KILLS) {
    const workerId = `w${dying.kills}`
    // The first step of each is stored: five crashes in a row without that would take the job out of service.
    const steps = 2 + Math.floor(random() * MOST_STEPS)
    const worker = await lab.worker({
      processor: { workerId, concurrency: 1, leaseMs: 5000 },
      dieAfter: { steps, ms: random() * 6 },
    })
    await worker.ended
    dying.kills += 1
    await expireLease(lab, workerId)
  }
}

describe.skipIf(SERVER_URL === undefined)('steps under kills', () => {
  test(
    `a handler of ${STEPS} steps that is killed at random ${KILLS} times: stored steps never begin again, transactions have their effect once (seed ${SEED})`,
    { timeout: 40_000 + KILLS * 4000 },
    async () => {
      const lab = await openLab()
      const queue = lab.queue()
      await queue.ready()
      await createEffects(lab)
      const add = (): Promise<number> =>
        queue.addJob({ jobType: 'steps', payload: { count: STEPS }, maxAttempts: 10_000 })
      const ids = [await add()]
      const dying: Dying = { kills: 0 }
      const workers = dieRepeatedly(lab, randomFrom(SEED), dying)
      // One job, as a rule; a further one if it was done before the last kill.
      const supply = poll(
        async () => {
          const { completed } = (await queue.getStats()).byStatus
          if (ids.length === completed && dying.kills < KILLS) ids.push(await add())
          return dying.kills >= KILLS
        },
        { within: 30_000 + KILLS * 4000 },
      )
      await Promise.all([workers, supply])
      await lab.worker({ processor: { concurrency: 4, leaseMs: 5000 } })
      await poll(async () => (await queue.getStats()).byStatus.completed === ids.length, { within: 30_000 })

      const effects = await effectsOf(lab)
      expect(effects.length).toBe(ids.length * STEPS)
      const inTransactions = effects.filter(({ name }) => Number(name.slice(5)) % 2 === 1)
      expect(inTransactions.length).toBe((ids.length * STEPS) / 2)
      expect(inTransactions.filter(({ times }) => times !== 1)).toEqual([])
      const starts = await startsOf(lab)
      expect(starts.again).toBe(0)
      // A kill interrupts one step of each of its jobs at most: nothing else began twice.
      expect(starts.all - ids.length * STEPS).toBeLessThanOrEqual(dying.kills)
      const jobs = await queue.getJobs({ jobType: 'steps' })
      let attempts = 0
      for (const job of jobs) {
        expect(job).toMatchObject({ status: 'completed', output: (STEPS * (STEPS - 1)) / 2 })
        attempts += job.attempts
      }
      expect(jobs.length).toBe(ids.length)
      expect(ids.length).toBeLessThanOrEqual(2)
      expect(attempts).toBe(ids.length + dying.kills)
      const steps = await queue.getJobSteps(ids[0] ?? 0)
      expect(steps.map(({ name, status, result }) => [name, status, result])).toEqual(
        Array.from({ length: STEPS }, (_, n) => [`step ${n}`, 'done', n]),
      )
      await lab.check()
    },
  )
})
