import type { DynamicModule, INestApplicationContext } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import {
  type JobEntity,
  type JobHandlerFn,
  JobSystemModule,
  type JobSystemModuleOptions,
  JobSystemService,
} from '@millrace/nestjs/job-system'
import { afterAll, afterEach, beforeAll, vi } from 'vitest'
import { createDatabase, poll, serverUrl, startApp } from './database.ts'

/** Applications with the job system, in a database of their own; closed after the test that started them. */
export interface JobSystemLab {
  /** What runs. A test that starts or closes an application by itself adds or takes it. */
  readonly apps: INestApplicationContext[]
  readonly url: () => string
  readonly typeOrm: (name?: string) => DynamicModule
  /** Starts an application on the data source `app_data`. */
  readonly boot: (options?: Partial<JobSystemModuleOptions>) => Promise<JobSystemService>
}

export function useJobSystem(database: string): JobSystemLab {
  const apps: INestApplicationContext[] = []
  let url = ''
  const typeOrm = (name = 'app_data'): DynamicModule =>
    TypeOrmModule.forRoot({ name, type: 'postgres', url, poolSize: 5, autoLoadEntities: true })

  beforeAll(async () => {
    if (serverUrl !== '') url = await createDatabase(database)
  })
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()))
    vi.restoreAllMocks()
  })
  afterAll(async () => {
    if (serverUrl !== '') await createDatabase(database)
  })
  return {
    apps,
    url: () => url,
    typeOrm,
    async boot(options = {}) {
      const app = await startApp({
        imports: [typeOrm(), JobSystemModule.forRoot({ connectionName: 'app_data', ...options })],
      })
      apps.push(app)
      return app.get(JobSystemService)
    },
  }
}

/** Registers a type whose handler this is, with the context that every handler needs. */
export function handle(jobSystem: JobSystemService, type: string, handler: JobHandlerFn<{ job: JobEntity }>): void {
  jobSystem.registerJobHandler(type, () => handler)
  jobSystem.registerContextFactory(type, (job) => ({ job }))
}

/** The job once it has ended. */
export function ended(jobSystem: JobSystemService, { id }: JobEntity): Promise<JobEntity> {
  return poll(async () => {
    const job = await jobSystem.getJob(id)
    return job?.finishedAt === null ? undefined : job
  })
}
