import type { JobQueue, ProcessorHandlers, ProcessorOptions } from 'millrace'
import { createDashboard, type DashboardHandler } from './dashboard.ts'
import type { DashboardOptions } from './options.ts'

/** What `createDataqueueDashboard` takes, and whatever `createDashboard` does. */
export interface DataqueueDashboardOptions<PayloadMap> extends Omit<DashboardOptions<PayloadMap>, 'handlers'> {
  readonly jobQueue: JobQueue<PayloadMap>
  readonly jobHandlers?: ProcessorHandlers<PayloadMap> | undefined
  readonly processorOptions?: ProcessorOptions | undefined
}

/**
 * The dashboard as the handlers of one catch-all route of Next.js: `export const { GET, POST } = createDataqueueDashboard({ … })`.
 * Next does not tell who asks, so nothing is answered without `authorize`.
 *
 * @throws MillraceError `OPTION_INVALID`
 */
export function createDataqueueDashboard<PayloadMap>(options: DataqueueDashboardOptions<PayloadMap>): {
  readonly GET: DashboardHandler
  readonly POST: DashboardHandler
} {
  const { jobQueue, jobHandlers, ...rest } = options
  const handler = createDashboard(jobQueue, { ...rest, handlers: jobHandlers })
  return { GET: handler, POST: handler }
}
