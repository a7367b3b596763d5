import { Inject, Injectable } from '@nestjs/common'
import { InjectQueue, JobHandler, OnJobEvent } from '@millrace/nestjs'
import type { JobContext, JobQueue } from 'millrace'

export interface Jobs {
  readonly welcome: { readonly to: string }
  readonly report: { readonly month: number }
}

@Injectable()
export class Mailer {
  readonly sent: string[] = []
}

@Injectable()
export class EmailJobs {
  readonly events: string[] = []
  readonly #mailer: Mailer
  constructor(@Inject(Mailer) mailer: Mailer) {
    this.#mailer = mailer
  }

  @JobHandler('welcome')
  welcome({ to }: Jobs['welcome'], _signal: AbortSignal, ctx: JobContext): object {
    if (to === 'nobody') throw new Error('no such address')
    this.#mailer.sent.push(to)
    return { attempt: ctx.attempt }
  }

  @OnJobEvent('completed')
  completed({ jobType }: { jobType: string }): void {
    this.events.push(`completed ${jobType}`)
  }

  @OnJobEvent('failed')
  failed({ error, willRetry }: { error: Error; willRetry: boolean }): void {
    this.events.push(`failed ${error.message} ${willRetry}`)
  }
}

@Injectable()
@JobHandler('report')
export class ReportJob {
  handle({ month }: Jobs['report']): string {
    return `month ${month}`
  }
}

@Injectable()
export class Shop {
  readonly queue: JobQueue<Jobs>
  constructor(@InjectQueue() queue: JobQueue<Jobs>) {
    this.queue = queue
  }
}
