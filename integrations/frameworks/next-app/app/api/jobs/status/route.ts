import { createStatusRoute } from '@millrace/next'
import { queue } from '../../../../lib/jobs.ts'

export const dynamic = 'force-dynamic'
// A real application asks here who is logged in.
export const GET = createStatusRoute(queue, { authorize: () => true })
