import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { TypeOrmModule } from '@nestjs/typeorm'
import { type JobEntity, JobSystemModule, JobSystemService } from '@millrace/nestjs/job-system'
import { afterAll, beforeAll, expect, describe, test } from 'vitest'
import type { INestApplicationContext } from '@nestjs/common'
import { createDatabase, poll, serverUrl, startApp } from './database.ts'

/** One process of the documented application, with what it says and how it ends. */
interface Instance {
  readonly child: ChildProcess
  readonly said: string[]
  readonly exit: Promise<unknown[]>
}

describe.skipIf(serverUrl === '')('two processes of the documented application', () => {
  const instances: Instance[] = []
  let url: string
  let web: INestApplicationContext
  let jobSystem: JobSystemService

  const start = async (): Promise<Instance> => {
    const child = fork(new URL('dist/app/main.js', import.meta.url), ['a', 'b'], {
      env: { ...process.env, APP_DATABASE_URL: url, APP_LEASE_MS: '2000' },
      // The test runner's own flags are not for it.
      execArgv: [],
    })
    const instance: Instance = { child, said: [], exit: once(child, 'exit') }
    child.on('message', (line) => instance.said.push(JSON.stringify(line).slice(1, -1)))
    instances.push(instance)
    await poll(() => instance.said.includes('started'))
    return instance
  }
  /** A job of its own type of lane, so that several can run at once. */
  const add = (name: string, gate: string): Promise<JobEntity> =>
    jobSystem.registerJob({ type: 'orders:sort', data: { gate }, name, parallel: true, runImmediately: true })
  const status = async (job: JobEntity): Promise<string | undefined> => (await jobSystem.getJob(job.id))?.status

  beforeAll(async () => {
    url = await createDatabase('nest_processes')
    web = await startApp({
      imports: [
        TypeOrmModule.forRoot({ name: 'app_data', type: 'postgres', url, poolSize: 3 }),
        JobSystemModule.forRoot({ connectionName: 'app_data', run: false }),
      ],
    })
    jobSystem = web.get(JobSystemService)
  })
  afterAll(async () => {
    for (const { child, exit } of instances) {
      child.kill('SIGKILL')
      await exit
    }
    await web.close()
  })

  test('1c 1, 2: one starts, is killed, starts again and is stopped: the jobs of the other are untouched, and none is lost', async () => {
    const steady = await start()
    const first = await add('first', 'a')
    await poll(() => steady.said.includes('first began'))

    // A start of the other: the seed failed every running job here.
    const doomed = await start()
    const others: JobEntity[] = []
    await poll(async () => {
      others.push(await add(`other ${others.length}`, 'b'))
      await poll(() => instances.flatMap(({ said }) => said).includes(`other ${others.length - 1} began`))
      return doomed.said.some((line) => line.startsWith('other '))
    })
    expect(await status(first)).toBe('processing')

    // Killed in the middle of its jobs: they are run again, by whoever lives.
    const taken = doomed.said.filter((line) => line.endsWith(' began'))
    expect(taken.length).toBeGreaterThan(0)
    doomed.child.kill('SIGKILL')
    await doomed.exit
    // It may hold as many jobs as it has slots: it took all that were added before the other took one.
    steady.child.send('b')
    await poll(() => taken.every((line) => steady.said.includes(line)))
    expect(await status(first)).toBe('processing')

    // A third takes a job, and is asked to stop while it runs: it ends its job first, and takes no other.
    const leaving = await start()
    const more: JobEntity[] = []
    await poll(async () => {
      more.push(await add(`more ${more.length}`, 'a'))
      await poll(() => instances.flatMap(({ said }) => said).includes(`more ${more.length - 1} began`))
      return leaving.said.some((line) => line.startsWith('more '))
    })
    leaving.child.kill('SIGTERM')
    await poll(() => leaving.said.includes('asked to stop'))
    const after = await add('after', 'a')
    await poll(() => steady.said.includes('after began'))
    leaving.child.send('a')
    await leaving.exit
    const began = leaving.said.filter((line) => line.endsWith(' began'))
    expect(leaving.said).not.toContain('after began')
    expect(leaving.said).toEqual(expect.arrayContaining(began.map((line) => line.replace('began', 'ended'))))

    steady.child.send('a')
    steady.child.send('b')
    const all = [first, ...others, ...more, after]
    const ended = await poll(async () => {
      const jobs = await Promise.all(all.map(({ id }) => jobSystem.getJob(id)))
      return jobs.every((job) => job?.finishedAt !== null) ? jobs : undefined
    })
    expect(ended.map((job) => job?.status)).toEqual(all.map(() => 'success'))
    expect(ended[0]).toMatchObject({ attempts: 1 })
    const ranTwice = ended.filter((job) => job?.attempts === 2).map((job) => `${job?.name} began`)
    expect(ranTwice.toSorted()).toEqual(taken.toSorted())
    expect(await jobSystem.queue.checkInvariants()).toEqual([])
  }, 90_000)
})
