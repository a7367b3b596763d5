import type { ReactNode } from 'react'
import type { WorkerRow } from '../src/wire.ts'
import { Empty, Time, Trouble } from './parts.tsx'
import { useLive } from './use-poll.ts'

export function WorkersScreen(): ReactNode {
  const { data, error } = useLive<{ readonly workers: readonly WorkerRow[] }>('/workers')
  const workers = data?.workers ?? []
  return (
    <>
      <div className="title">
        <h1>Workers</h1>
      </div>
      <Trouble error={error} />
      {data !== null && workers.length === 0 && <Empty>No worker is running, in no process.</Empty>}
      {workers.length > 0 && (
        <div className="scroll">
          <table className="cards" aria-label="Workers">
            <thead>
              <tr>
                <th scope="col">Process</th>
                <th scope="col">State</th>
                <th scope="col">Busy</th>
                <th scope="col">Types</th>
                <th scope="col">Version</th>
                <th scope="col">Started</th>
                <th scope="col">Last heard of</th>
              </tr>
            </thead>
            <tbody>
              {workers.map((worker) => (
                <Row key={worker.workerId} worker={worker} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  )
}

function Row({ worker }: { readonly worker: WorkerRow }): ReactNode {
  const { running, concurrency, jobTypes } = worker
  return (
    <tr>
      <td data-name="Process" title={worker.workerId}>
        {worker.host} <span className="quiet">{worker.pid}</span>
      </td>
      <td data-name="State">
        <span className={`status ${worker.isLost ? 'failed' : 'completed'}`}>{worker.isLost ? 'silent' : 'alive'}</span>
      </td>
      <td data-name="Busy">
        <meter min={0} max={Math.max(1, concurrency)} value={Math.min(running, concurrency)} aria-label="Busy slots" />{' '}
        {running}/{concurrency}
      </td>
      <td data-name="Types">{jobTypes === null ? 'all' : jobTypes.join(', ')}</td>
      <td data-name="Version">{worker.version}</td>
      <td data-name="Started">
        <Time at={worker.startedAt} />
      </td>
      <td data-name="Last heard of">
        <Time at={worker.lastSeenAt} />
      </td>
    </tr>
  )
}
