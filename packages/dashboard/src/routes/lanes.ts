import type { Call, Route } from '../call.ts'
import type { LaneList } from '../wire.ts'

/** The routes about groups and queues. */
export const laneRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/lanes',
    summary: 'Groups and queues in which a job runs, is about to, or waits; at most 200 of those with waiting jobs.',
    isLive: true,
    handle: lanesOf,
  },
]

async function lanesOf({ dashboard, access: { tenantId } }: Call): Promise<LaneList> {
  const lanes = await dashboard.reads.read(JSON.stringify(['lanes', tenantId]), () =>
    dashboard.queue.getLanes(tenantId === null ? {} : { tenantId }),
  )
  return { lanes }
}
