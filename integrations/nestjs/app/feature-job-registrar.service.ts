import { Injectable, OnModuleInit } from '@nestjs/common'
import { JobData, JobHandlerFn, JobSystemService } from '@millrace/nestjs/job-system'
import { createMyJobHandler } from './my-job.ts'
import { OrdersService as SomeService } from './orders.ts'

const MyJob = (data: { readonly rows?: number }): JobHandlerFn<{ job: JobData; someService: SomeService }> => {
  return async (_update, _isCancelled, { job, someService }) => someService.note(`${job.type} of ${data.rows} rows`)
}

// feature-job-registrar.service.ts
@Injectable()
export class FeatureJobRegistrarService implements OnModuleInit {
  constructor(
    private readonly jobSystem: JobSystemService,
    private readonly someService: SomeService,
  ) {}

  private get ordersService() {
    return this.someService
  }

  onModuleInit() {
    this.jobSystem.registerJobHandler('My Job', (data) => MyJob(data))
    this.jobSystem.registerContextFactory('My Job', async (job) => ({
      someService: this.someService,
      job,
    }))
    this.jobSystem.startCheckingJobs()

    // In registrar:
    this.jobSystem.registerJobHandler('orders:sort', () => createMyJobHandler())
    this.jobSystem.registerContextFactory('orders:sort', async (job) => ({
      job,
      ordersService: this.ordersService,
    }))
  }
}
