import { createDataqueueDashboard } from '@millrace/dashboard'
import { handlers, queue } from '../../../lib/jobs.ts'

export const { GET, POST } = createDataqueueDashboard({
  jobQueue: queue,
  jobHandlers: handlers,
  basePath: '/q',
  authorize: () => true,
})
