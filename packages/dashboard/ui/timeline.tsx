import type { ReactNode } from 'react'
import type { EventRow } from '../src/wire.ts'
import { duration, fullDate } from './format.ts'

/** What has happened to a job, with the time that passed in between. */
export function Timeline({ events }: { readonly events: readonly EventRow[] }): ReactNode {
  return (
    <ol className="timeline">
      {events.map((event, at) => {
        const before = events[at - 1]
        const passed = before === undefined ? null : Date.parse(event.createdAt) - Date.parse(before.createdAt)
        return (
          <li key={event.id} className={event.eventType}>
            <strong>{event.eventType.replace('_', ' ')}</strong>{' '}
            <time className="quiet" dateTime={event.createdAt}>
              {fullDate(event.createdAt)}
              {passed !== null && `, ${duration(Math.max(0, passed))} later`}
            </time>
            <span className="details">{detailsOf(event)}</span>
          </li>
        )
      })}
    </ol>
  )
}

function detailsOf({ metadata }: EventRow): string {
  return Object.entries(metadata)
    .filter(([name, value]) => value !== null && value !== undefined && name !== 'error')
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ')
}
