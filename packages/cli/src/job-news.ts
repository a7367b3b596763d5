import type { JobQueue } from 'millrace'
import type { Output } from './output.ts'
import { durationText, shortened } from './text.ts'

/** What a worker tells of its jobs, as it happens. */
export type JobNews = { readonly jobId: number; readonly jobType: string } & (
  | { readonly event: 'processing' }
  | { readonly event: 'completed' | 'waiting'; readonly durationMs: number }
  | { readonly event: 'failed'; readonly durationMs: number; readonly willRetry: boolean; readonly message: string }
)

/** Calls `tell` for each job that a processor of `queue` takes and ends. */
export function watchJobs(queue: JobQueue, tell: (news: JobNews) => void): void {
  const started = new Map<number, number>()
  const tookMs = (jobId: number): number => {
    const at = started.get(jobId) ?? performance.now()
    started.delete(jobId)
    return Math.round(performance.now() - at)
  }
  queue.on('job:processing', ({ jobId, jobType }) => {
    started.set(jobId, performance.now())
    tell({ event: 'processing', jobId, jobType })
  })
  for (const event of ['completed', 'waiting'] as const) {
    queue.on(`job:${event}`, ({ jobId, jobType }) => tell({ event, jobId, jobType, durationMs: tookMs(jobId) }))
  }
  queue.on('job:failed', ({ jobId, jobType, error, willRetry }) => {
    tell({ event: 'failed', jobId, jobType, durationMs: tookMs(jobId), willRetry, message: error.message })
  })
}

/** One line. */
export function printNews(output: Output, news: JobNews): void {
  const { jobId, jobType, event } = news
  const clock = { text: new Date().toTimeString().slice(0, 8), colour: 'dim' } as const
  switch (event) {
    case 'processing':
      return output.event(news, [clock, jobId, jobType, { text: event, colour: 'cyan' }])
    case 'completed':
      return output.event(news, [
        clock,
        jobId,
        jobType,
        { text: event, colour: 'green' },
        durationText(news.durationMs),
      ])
    case 'waiting':
      return output.event(news, [clock, jobId, jobType, { text: event, colour: 'yellow' }])
    case 'failed': {
      const text = news.willRetry ? 'failed, will retry:' : 'failed for good:'
      return output.event(news, [clock, jobId, jobType, { text, colour: 'red' }, shortened(news.message, 200)])
    }
  }
}
