import { useState, type ReactNode } from 'react'
import type { AuditPage, AuditRow } from '../src/wire.ts'
import { queryOf } from './api.ts'
import { Empty, JobLink, Time, Trouble } from './parts.tsx'
import { useLive } from './use-poll.ts'

/** Who changed what. */
export function AuditScreen(): ReactNode {
  const [cursors, setCursors] = useState<readonly number[]>([])
  const cursor = cursors.at(-1)
  const { data, error } = useLive<AuditPage>(`/audit${queryOf({ limit: 50, cursor })}`)
  const { entries = [], nextCursor = null } = data ?? {}
  return (
    <>
      <div className="title">
        <h1>Audit</h1>
      </div>
      <Trouble error={error} />
      {data !== null && entries.length === 0 && (
        <Empty>Nobody has changed anything, here or through queue.withActor(…).</Empty>
      )}
      {entries.length > 0 && <Entries entries={entries} />}
      <nav className="pages" aria-label="Pages">
        <button type="button" disabled={cursors.length === 0} onClick={() => setCursors(cursors.slice(0, -1))}>
          Newer
        </button>
        <span className="quiet">Page {cursors.length + 1}</span>
        <button
          type="button"
          disabled={nextCursor === null}
          onClick={() => nextCursor !== null && setCursors([...cursors, nextCursor])}
        >
          Older
        </button>
      </nav>
    </>
  )
}

function Entries({ entries }: { readonly entries: readonly AuditRow[] }): ReactNode {
  return (
    <div className="scroll">
      <table className="cards" aria-label="Audit">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">On</th>
            <th scope="col">Outcome</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.id}>
              <td data-name="When">
                <Time at={entry.at} />
              </td>
              <td data-name="Who">{entry.actor}</td>
              <td data-name="What" className="name">
                {entry.action}
              </td>
              <td data-name="On">
                <Target entry={entry} />
              </td>
              <td data-name="Outcome">
                <span className={`status ${STATUS[entry.outcome]}`}>{entry.outcome}</span>{' '}
                <span className="quiet">{entry.result === null ? '' : String(entry.result)}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const STATUS: Readonly<Record<AuditRow['outcome'], string>> = { done: 'completed', failed: 'failed', open: 'waiting' }
/** Of whose `id` a job is meant. */
const OF_JOBS: ReadonlySet<string> = new Set(['editJob', 'cancelJob', 'retryJob', 'signalJob'])
const SHOWN = 200

function Target({ entry: { action, target } }: { readonly entry: AuditRow }): ReactNode {
  const { id, ...rest } = target
  const isRest = Object.keys(rest).length > 0
  const text = JSON.stringify(rest)
  return (
    <>
      {typeof id === 'number' && OF_JOBS.has(action) ? <JobLink id={id} /> : id !== undefined && JSON.stringify(id)}{' '}
      {isRest && <code className="target">{text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}</code>}
    </>
  )
}
