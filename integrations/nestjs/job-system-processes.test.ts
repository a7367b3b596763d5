import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { TypeOrmModule } from '@nestjs/typeorm'
import { type JobEntity, JobSystemModule, JobSystemService } from '@millrace/nestjs/job-system'
import { afterAll, beforeAll, expect, describe, test } from 'vitest'
import type { INestApplicationContext } from '@nestjs/common'
import { createDatabase, poll, serverUrl, startApp } from './database.ts'
import { appFile } from './nest.ts'

/** How many jobs each process runs at once. */
const SLOTS = 3

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
    const child = fork(appFile('main.js'), ['a', 'b', 'c'], {
      env: { ...process.env, APP_DATABASE_URL: url, APP_LEASE_MS: '3000', APP_CONCURRENCY: String(SLOTS) },
      // The test runner's own flags are not for it.
      execArgv: [],
    })
    const instance: Instance = { child, said: [], exit: once(child, 'exit') }
    child.on('message', (line) => instance.said.push(JSON.stringify(line).slice(1, -1)))
    instances.push(instance)
    await eventually(() => instance.said.includes('started'))
    return instance
  }
  /** A job of its own type of lane, so that several can run at once. */
  const add = (name: string, gate: string): Promise<JobEntity> =>
    jobSystem.registerJob({ type: 'orders:sort', data: { gate }, name, parallel: true, runImmediately: true })
  /** As `poll`, and on failure with what the processes said and what the database knows of them. */
  const eventually = async <T>(probe: () => T | Promise<T>): Promise<NonNullable<T>> => {
    try {
      return await poll(probe)
    } catch (cause) {
      const workers = await jobSystem.queue
        .getPool()
        .query(
          `select host, pid, concurrency, now() - last_seen_at as silent, expires_at - now() as lease from millrace.workers`,
        )
        .then(
          ({ rows }) => rows,
          (error: unknown) => [error],
        )
      const said = instances.map(({ child, said: lines }) => ({
        pid: child.pid,
        ended: child.exitCode ?? child.signalCode,
        lines,
      }))
      throw new Error(`${String(cause)}\n${JSON.stringify({ said, workers }, null, 1)}`, { cause })
    }
  }
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
    /** Jobs until the steady process has no slot left, so that the next ones are the other's. */
    const fill = async (name: string, gate: string): Promise<JobEntity[]> => {
      const jobs: JobEntity[] = []
      for (let n = 1; n < SLOTS; n++) {
        jobs.push(await add(`${name} ${n}`, gate))
        await eventually(() => steady.said.includes(`${name} ${n} began`))
      }
      return jobs
    }
    const first = await add('first', 'a')
    await eventually(() => steady.said.includes('first began'))
    const fillers = await fill('filler', 'b')

    // A start of the other: the seed failed every running job here.
    const doomed = await start()
    const others = [await add('other 1', 'b'), await add('other 2', 'b')]
    await eventually(() => ['other 1 began', 'other 2 began'].every((line) => doomed.said.includes(line)))
    expect(await status(first)).toBe('processing')

    // Killed in the middle of its jobs: they are run again, by whoever lives.
    doomed.child.kill('SIGKILL')
    await doomed.exit
    steady.child.send('b')
    await eventually(() => ['other 1 ended', 'other 2 ended'].every((line) => steady.said.includes(line)))
    expect(await status(first)).toBe('processing')

    // A third takes a job, and is asked to stop while it runs: it ends its job first, and takes no other.
    const more = await fill('more', 'c')
    const leaving = await start()
    const last = await add('last', 'a')
    await eventually(() => leaving.said.includes('last began'))
    leaving.child.kill('SIGTERM')
    await eventually(() => leaving.said.includes('asked to stop'))
    const after = await add('after', 'a')
    steady.child.send('c')
    await eventually(() => steady.said.includes('after began'))
    leaving.child.send('a')
    await leaving.exit
    expect(leaving.said).not.toContain('after began')
    expect(leaving.said).toContain('last ended')

    steady.child.send('a')
    const all = [first, ...fillers, ...others, ...more, last, after]
    const ended = await eventually(async () => {
      const jobs = await Promise.all(all.map(({ id }) => jobSystem.getJob(id)))
      return jobs.every((job) => job?.finishedAt !== null) ? jobs : undefined
    })
    expect(ended.map((job) => job?.status)).toEqual(all.map(() => 'success'))
    // No start and no end of another process cost a job of this one an attempt.
    const ranTwice = ended.filter((job) => job?.attempts !== 1).map((job) => [job?.name, job?.attempts])
    expect(ranTwice).toEqual([
      ['other 1', 2],
      ['other 2', 2],
    ])
    expect(await jobSystem.queue.checkInvariants()).toEqual([])
  }, 90_000)
})
