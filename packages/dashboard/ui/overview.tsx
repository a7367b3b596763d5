import type { ReactNode } from 'react'
import type { JobStatus } from 'millrace'
import type { Overview } from '../src/wire.ts'
import { Throughput } from './chart.tsx'
import { useChange, useShared } from './context.ts'
import { post } from './api.ts'
import { duration, jobs, number } from './format.ts'
import { MetricsPanel } from './metrics.tsx'
import { JobsTable } from './jobs-table.tsx'
import { Empty, Panel, Trouble } from './parts.tsx'
import { useLive } from './use-poll.ts'

const ORDER: readonly JobStatus[] = ['pending', 'processing', 'waiting', 'completed', 'failed', 'cancelled']

export function OverviewScreen(): ReactNode {
  const { data, error, refresh } = useLive<Overview>('/overview')
  return (
    <>
      <div className="title">
        <h1>Overview</h1>
        <ProcessButton onDone={refresh} />
      </div>
      <Trouble error={error} />
      {data !== null && <Loaded overview={data} />}
    </>
  )
}

function Loaded({ overview }: { readonly overview: Overview }): ReactNode {
  return (
    <>
      {overview.attention.map(({ level, text, href }) => (
        <p key={text} className={`attention ${level}`} role="status">
          {text} <a href={href}>Look</a>
        </p>
      ))}
      <Figures overview={overview} />
      {overview.workers !== null && (
        <Panel title="Throughput">
          <Throughput samples={overview.samples} />
        </Panel>
      )}
      {overview.workers !== null && <MetricsPanel />}
      <Panel title="Latest failures" extra={<a href="#/errors">By cause</a>}>
        {overview.failures.length === 0 ? (
          <Empty>Nothing has failed.</Empty>
        ) : (
          <JobsTable jobs={overview.failures} label="Latest failures" />
        )}
      </Panel>
      <Panel title="Latest jobs" extra={<a href="#/jobs">All</a>}>
        {overview.recent.length === 0 ? (
          <Empty>No jobs yet.</Empty>
        ) : (
          <JobsTable jobs={overview.recent} label="Latest jobs" />
        )}
      </Panel>
    </>
  )
}

function Figures({ overview }: { readonly overview: Overview }): ReactNode {
  const { counts, ofLatest, estimated, workers } = overview
  const told = (status: JobStatus): string => `${estimated.includes(status) ? '≈ ' : ''}${number(counts[status])}`
  return (
    <>
      <ul className="figures" aria-label="Jobs by status">
        {ORDER.map((status) => (
          <li key={status}>
            <a href={`#/jobs?status=${status}`} className={status}>
              <strong>{told(status)}</strong>
              <span>{status}</span>
              <small>{noteOf(status, overview)}</small>
            </a>
          </li>
        ))}
        {workers !== null && (
          <li>
            <a href="#/workers">
              <strong>{number(workers.count)}</strong>
              <span>{workers.count === 1 ? 'worker' : 'workers'}</span>
              <small>
                {workers.running} of {workers.slots} slots busy
              </small>
            </a>
          </li>
        )}
      </ul>
      {ofLatest !== null && (
        <p className="quiet">Of the latest {number(ofLatest)} jobs of everybody, at most 1,000 of yours.</p>
      )}
    </>
  )
}

function noteOf(status: JobStatus, { ready, timed, oldestReadyMs, groupWaiting }: Overview): string {
  if (status !== 'pending' || ready === null) return ''
  const parts = [
    `${number(ready)} ready`,
    ...(timed !== null && timed > 0 ? [`${number(timed)} for later`] : []),
    ...(groupWaiting !== null && groupWaiting > 0 ? [`${number(groupWaiting)} in groups`] : []),
    ...(oldestReadyMs !== null ? [`oldest ${duration(oldestReadyMs)}`] : []),
  ]
  return parts.join(', ')
}

function ProcessButton({ onDone }: { readonly onDone: () => void }): ReactNode {
  const { meta } = useShared()
  const change = useChange()
  if (!meta.canProcess || !meta.canChange) return null
  const run = async (): Promise<void> => {
    await change(async () => `${jobs((await post<{ processed: number }>('/process')).processed)} processed.`)
    onDone()
  }
  return (
    <button type="button" onClick={() => void run()}>
      Process a batch
    </button>
  )
}
