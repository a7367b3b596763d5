import { setTimeout as sleep } from 'node:timers/promises'
// my-job.ts (host app)
import { JobHandlerFn } from '@millrace/nestjs/job-system'
import { JobEntity } from '@millrace/nestjs/job-system'
import { OrdersService } from './orders.ts'

interface MyJobContext {
  job: JobEntity
  ordersService: OrdersService
}

export function createMyJobHandler(): JobHandlerFn<MyJobContext> {
  return async (update, isCancelled, context) => {
    const { job, ordersService } = context
    // use job.data, ordersService, update(), isCancelled()
    ordersService.note(`${job.name ?? job.type} began`)
    if (job.data.fail !== undefined) throw new Error(job.data.fail)
    await update(0.4, 'sorting', 90_000)
    const gate = ordersService.gates.get(job.data.gate)
    while (job.data.gate !== undefined) {
      if (await isCancelled()) throw new Error(`Job canceled by ${job.data.by ?? 'somebody'}`)
      if (await Promise.race([gate?.then(() => true), sleep(20, false)])) break
    }
    await update(1, 'sorted')
    ordersService.note(`${job.name ?? job.type} ended`)
  }
}
