import { createDashboard } from '@millrace/dashboard'
import { queue } from '../../../../lib/jobs.ts'

// A real application asks here who is logged in.
const dashboard = createDashboard(queue, { basePath: '/admin/jobs', authorize: () => true })
export { dashboard as GET, dashboard as POST }
