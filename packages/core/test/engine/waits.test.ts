import { describe, expect, test } from 'vitest'
import type { JobQueue } from '../../src/index.ts'
import { createEffects, effectsOf, expireLease } from '../support/effects.ts'
import { type Lab, openLab, SERVER_URL, type WorkerMessage, type WorkerProcess } from '../support/lab.ts'
import { poll } from '../support/poll.ts'
import { randomFrom } from '../support/random.ts'

const SEED = Number(process.env['MILLRACE_TEST_STEP_SEED'] ?? Math.floor(Math.random() * 1e9))
const ANSWER = { ok: true, output: 'yes' }
/** Promised with LISTEN. The best of several is compared: the machine of a test is busy. */
const RESUME_MS = 300

async function openWaiting(): Promise<{ lab: Lab; queue: JobQueue<Record<string, unknown>> }> {
  const lab = await openLab()
  const queue = lab.queue()
  await queue.ready()
  await createEffects(lab)
  return { lab, queue }
}

function kill(lab: Lab, worker: WorkerProcess, workerId: string): Promise<void> {
  worker.signal('SIGKILL')
  return worker.ended.then(() => expireLease(lab, workerId))
}

describe.skipIf(SERVER_URL === undefined)('waits under kills', () => {
  const start = (lab: Lab, workerId: string): Promise<WorkerProcess> =>
    lab.worker({ processor: { workerId, concurrency: 4, leaseMs: 5000 } })

  test('a token completed before the wait is stored, and the worker killed, is there for the next one', async () => {
    const { lab, queue } = await openWaiting()
    const victim = await start(lab, 'victim')
    const { id: tokenId } = await queue.createToken()
    const id = await queue.addJob({ jobType: 'approval', payload: { tokenId, hold: true } })
    await victim.heard('token')
    await queue.completeToken(tokenId, 'yes')
    await kill(lab, victim, 'victim')
    const heir = await start(lab, 'heir')
    await heir.heard('token')
    heir.send({ do: 'finish' })
    await heir.heard('resumed')
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    // What was over already is no suspension.
    expect((await queue.getJobEvents(id)).map(({ eventType }) => eventType)).not.toContain('waiting')
    expect(await queue.getJob(id)).toMatchObject({ output: ANSWER, attempts: 2 })
    await lab.check()
  })

  test('a token completed while no worker lives resumes its job once, when there is one', async () => {
    const { lab, queue } = await openWaiting()
    const victim = await start(lab, 'victim')
    const id = await queue.addJob({ jobType: 'approval', payload: {} })
    const { tokenId } = await victim.heard('token')
    await poll(async () => (await queue.getJob(id))?.status === 'waiting')
    await kill(lab, victim, 'victim')
    await queue.completeToken(String(tokenId), 'yes')
    await queue.completeToken(String(tokenId), 'no')
    expect((await queue.getJob(id))?.status).toBe('pending')
    const heir = await start(lab, 'heir')
    await poll(async () => (await queue.getJob(id))?.status === 'completed')
    expect(heir.messages.filter(({ event }) => event === 'token')).toMatchObject([{ tokenId }])
    // Nobody ran it when the worker was killed: no attempt is used up.
    expect(await queue.getJob(id)).toMatchObject({ output: ANSWER, attempts: 1 })
    expect(await effectsOf(lab)).toEqual([{ jobId: id, name: 'after', times: 1 }])
    await lab.check()
  })

  test(
    `tokens completed at any moment, by workers that are killed at any moment, resume every job, once (seed ${SEED})`,
    { timeout: 90_000 },
    async () => {
      const { lab, queue } = await openWaiting()
      const random = randomFrom(SEED)
      const ids: number[] = []
      for (let n = 0; n < 45; n++) {
        // A third waits for a token from outside that is completed before it comes there.
        const tokenId = n % 3 === 0 ? (await queue.createToken()).id : undefined
        if (tokenId !== undefined) await queue.completeToken(tokenId, 'yes')
        ids.push(await queue.addJob({ jobType: 'approval', payload: { tokenId }, maxAttempts: 1000 }))
      }
      const told: WorkerMessage[] = []
      let workers: WorkerProcess[] = []
      const tokens = (): WorkerMessage[] =>
        [...told, ...workers.flatMap(({ messages }) => messages)].filter(({ event }) => event === 'token')
      const completed = new Set<unknown>()
      /** Of another third the moment they are made, of the rest once their jobs wait. */
      const answerSome = async (): Promise<void> => {
        for (const { tokenId, jobId = 0 } of tokens()) {
          const isEarly = ids.indexOf(jobId) % 3 === 1
          if (completed.has(tokenId) || (!isEarly && (await queue.getJob(jobId))?.status !== 'waiting')) continue
          completed.add(tokenId)
          await queue.completeToken(String(tokenId), 'yes')
        }
      }
      for (let round = 0; round < 5; round++) {
        const workerId = `w${round}`
        const worker = await start(lab, workerId)
        workers = [worker]
        const amount = 3 + Math.floor(random() * 12)
        await poll(
          async () => {
            await answerSome()
            const events = worker.messages.filter(({ event }) => event === 'token' || event === 'resumed')
            return events.length >= amount || (await queue.getStats()).byStatus.completed === ids.length
          },
          { every: 2 },
        )
        await kill(lab, worker, workerId)
        told.push(...worker.messages)
      }
      workers = [await start(lab, 'last')]
      await poll(
        async () => {
          await answerSome()
          return (await queue.getStats()).byStatus.completed === ids.length
        },
        { within: 45_000 },
      )
      const effects = await effectsOf(lab)
      expect(effects).toEqual(ids.map((jobId) => ({ jobId, name: 'after', times: 1 })))
      for (const job of await queue.getJobs({}, 1000)) expect(job.output).toEqual(ANSWER)
      await lab.check()
    },
  )

  test('a job resumes within 300 ms of its token, and of its time, however rarely its worker polls', async () => {
    const { lab, queue } = await openWaiting()
    const worker = await lab.worker({ processor: { pollInterval: 15_000, leaseMs: 60_000 } })
    const heard = async (event: string, jobId: number): Promise<WorkerMessage> => {
      const find = (): WorkerMessage | undefined =>
        worker.messages.find((message) => message.event === event && message.jobId === jobId)
      return (await poll(find, { every: 5 })) ?? { event, at: 0 }
    }
    const delays: number[] = []
    for (let n = 0; n < 5; n++) {
      const id = await queue.addJob({ jobType: 'approval', payload: {} })
      const { tokenId } = await heard('token', id)
      await poll(async () => (await queue.getJob(id))?.status === 'waiting')
      const completedAt = performance.now()
      await queue.completeToken(String(tokenId), 'yes')
      delays.push((await heard('resumed', id)).at - completedAt)
    }
    expect(Math.min(...delays)).toBeLessThan(RESUME_MS)
    const naps = await Promise.all([400, 500, 600, 700].map((ms) => queue.addJob({ jobType: 'nap', payload: { ms } })))
    const late = await Promise.all(naps.map(async (id) => Number((await heard('resumed', id))['late'])))
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0)
    expect(Math.min(...late)).toBeLessThan(RESUME_MS)
    await lab.check()
  })
})
