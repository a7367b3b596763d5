import type { INestApplicationContext } from '@nestjs/common'
import { Inject, Injectable, Scope } from '@nestjs/common'
import { REQUEST } from '@nestjs/core'
import { getQueueToken, JobHandler, MillraceModule, OnJobEvent } from '@millrace/nestjs'
import { anyPayload, defineJobs } from 'millrace'
import type { JobContext, JobQueue } from 'millrace'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { dropSchema, ownName, poll, serverUrl, startApp } from './database.ts'
import { EmailJobs, Mailer } from './email-jobs.ts'

const schema = ownName('nest_handlers')
const databaseConfig = { connectionString: serverUrl, max: 4 }

describe.skipIf(serverUrl === '')('handlers of an application', () => {
  const apps: INestApplicationContext[] = []
  const start = async (...given: Parameters<typeof startApp>): Promise<INestApplicationContext> => {
    const app = await startApp(...given)
    apps.push(app)
    return app
  }
  const root = () => MillraceModule.forRoot({ databaseConfig, schema })

  beforeAll(() => dropSchema(schema))
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()))
  })
  afterAll(() => dropSchema(schema))

  test('a type with two handlers does not start, and the error names both', async () => {
    @Injectable()
    class Again {
      @JobHandler('welcome')
      again(): void {}
    }
    const starting = startApp({ imports: [root()], providers: [EmailJobs, Mailer, Again] })
    await expect(starting).rejects.toMatchObject({
      code: 'HANDLER_EXISTS',
      message: expect.stringMatching(/EmailJobs\.welcome and Again\.again/),
    })
    const jobs = defineJobs({ welcome: { payload: anyPayload<{ to: string }>(), handler: () => undefined } })
    const beside = startApp({
      imports: [MillraceModule.forRoot({ databaseConfig, schema, jobs })],
      providers: [EmailJobs, Mailer],
    })
    await expect(beside).rejects.toMatchObject({
      code: 'HANDLER_EXISTS',
      message: expect.stringContaining('`defineJobs`'),
    })
  })

  test('versions of one type stand side by side, beside handlers of `defineJobs`', async () => {
    @Injectable()
    class Versions {
      @JobHandler('versioned', { version: 1 })
      one(): string {
        return 'one'
      }
      @JobHandler('versioned', { version: 2 })
      two(): string {
        return 'two'
      }
    }
    const jobs = defineJobs({ defined: { payload: anyPayload<object>(), handler: () => 'defined' } })
    const app = await start({
      imports: [MillraceModule.forRoot({ databaseConfig, schema, jobs })],
      providers: [Versions],
    })
    const queue: JobQueue = app.get(getQueueToken())
    const ids = await queue.addJobs([
      { jobType: 'versioned', payload: {} },
      { jobType: 'defined', payload: {} },
    ])
    const read = await poll(async () => {
      const found = await Promise.all(ids.map((id) => queue.getJob(id)))
      return found.every((job) => job?.status === 'completed') ? found : undefined
    })
    expect(read.map((job) => [job?.output, job?.handlerVersion])).toEqual([
      ['two', 2],
      ['defined', null],
    ])
  })

  test('a request-scoped handler is made for each attempt, with the attempt as its request', async () => {
    const seen: [number, number][] = []
    let made = 0
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      readonly #ctx: JobContext
      readonly #number = (made += 1)
      constructor(@Inject(REQUEST) ctx: JobContext) {
        this.#ctx = ctx
      }
      @JobHandler('scoped')
      run(): void {
        seen.push([this.#ctx.jobId, this.#number])
      }
    }
    const app = await start({ imports: [root()], providers: [Scoped] })
    const queue: JobQueue = app.get(getQueueToken())
    const ids = await queue.addJobs([
      { jobType: 'scoped', payload: {} },
      { jobType: 'scoped', payload: {} },
    ])
    await poll(() => seen.length === 2)
    expect(seen.map(([id]) => id).toSorted((a, b) => a - b)).toEqual(ids)
    expect(new Set(seen.map(([, number]) => number)).size).toBe(2)

    @Injectable({ scope: Scope.REQUEST })
    class Deaf {
      @OnJobEvent('completed')
      never(): void {}
    }
    await expect(startApp({ imports: [root()], providers: [Deaf] })).rejects.toThrow(/Deaf\.never can never be called/)
  })

  test('handlers are found on what a factory made or a value is, and one object under two tokens is one', async () => {
    const ran: string[] = []
    class Plain {
      readonly #name: string
      constructor(name: string) {
        this.#name = name
      }
      run(): void {
        ran.push(this.#name)
      }
    }
    class Made extends Plain {
      @JobHandler('made')
      override run(): void {
        super.run()
      }
    }
    class Given extends Plain {
      @JobHandler('given')
      override run(): void {
        super.run()
      }
    }
    const given = new Given('given')
    const app = await start({
      imports: [root()],
      providers: [
        { provide: 'made', useFactory: () => new Made('made') },
        { provide: 'alias', useExisting: 'made' },
        { provide: 'given', useValue: given },
        { provide: 'given again', useValue: given },
        { provide: 'text', useValue: 'text' },
        { provide: 'bare', useValue: Object.create(null) },
      ],
    })
    const queue: JobQueue = app.get(getQueueToken())
    await queue.addJobs([
      { jobType: 'made', payload: {} },
      { jobType: 'given', payload: {} },
    ])
    await poll(() => ran.length === 2)
    expect(ran.toSorted()).toEqual(['given', 'made'])
  })

  test('a class without `handle` does not start', async () => {
    @Injectable()
    @JobHandler('empty')
    class Empty {}
    await expect(startApp({ imports: [root()], providers: [Empty] })).rejects.toThrow(/Empty needs a method `handle/)
  })

  test('handlers of a named instance run its jobs, and no others', async () => {
    const ran: string[] = []
    @Injectable()
    class Both {
      @JobHandler('task')
      first(): void {
        ran.push('default')
      }
      @JobHandler('task', { instance: 'second' })
      second(): void {
        ran.push('second')
      }
    }
    const named = MillraceModule.forRoot({ databaseConfig, schema: `${schema}_2`, name: 'second' })
    const app = await start({ imports: [root(), named], providers: [Both] })
    await app.get<JobQueue>(getQueueToken('second')).addJob({ jobType: 'task', payload: {} })
    await poll(() => ran.length === 1)
    expect(ran).toEqual(['second'])
    await dropSchema(`${schema}_2`)
  })
})
