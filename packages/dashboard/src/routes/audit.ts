import type { Route } from '../call.ts'
import { numberOf } from '../filters.ts'
import type { AuditPage } from '../wire.ts'

const MAX_PAGE = 200

/** The route that tells who did what. */
export const auditRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/audit',
    summary: 'What people changed, or tried to, newest first.',
    query: {
      limit: { type: 'integer', minimum: 1, maximum: MAX_PAGE, default: 50 },
      cursor: { type: 'integer', minimum: 1, description: '`nextCursor` of the page before.' },
    },
    isLive: true,
    isForWholeInstance: true,
    async handle({ dashboard, query }): Promise<AuditPage> {
      const limit = numberOf('limit', query.get('limit'), { min: 1, max: MAX_PAGE, or: 50 })
      const cursor = numberOf('cursor', query.get('cursor'), { min: 1, max: Number.MAX_SAFE_INTEGER, or: 0 })
      const found = await dashboard.queue.getAudit({ limit: limit + 1, ...(cursor > 0 && { cursor }) })
      const entries = found.slice(0, limit).map((entry) => ({ ...entry, at: entry.at.toISOString() }))
      return { entries, nextCursor: found.length > limit ? (entries.at(-1)?.id ?? null) : null }
    },
  },
]
