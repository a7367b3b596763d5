import { createWorkRoute } from '@millrace/next'
import { handlers, queue } from '../../../../lib/jobs.ts'

export const dynamic = 'force-dynamic'
export const maxDuration = 60

/** For platforms without long-lived processes: call it from their scheduler, with CRON_SECRET. */
export async function GET(request: Request): Promise<Response> {
  return createWorkRoute(queue, { handlers, budgetMs: 5000 })(request)
}
