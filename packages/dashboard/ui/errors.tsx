import { useState, type ReactNode } from 'react'
import type { ErrorDetail, ErrorGroupRow, ErrorList } from '../src/wire.ts'
import { post, queryOf } from './api.ts'
import { useShared } from './context.ts'
import { jobs, number } from './format.ts'
import { JobsTable } from './jobs-table.tsx'
import { Dialog, Empty, ErrorView, Facts, JobLink, Panel, Time, Trouble } from './parts.tsx'
import { useChunks } from './use-chunks.ts'
import { useLive } from './use-poll.ts'

/** Failures by what caused them: a thousand jobs that failed for one reason are one line. */
export function ErrorsScreen({ params }: { readonly params: URLSearchParams }): ReactNode {
  const jobType = params.get('jobType')
  const { data, error } = useLive<ErrorList>(`/errors${queryOf({ jobType })}`)
  return (
    <>
      <div className="title">
        <h1>Errors</h1>
        {jobType !== null && (
          <span className="quiet">
            of <span className="name">{jobType}</span>, <a href="#/errors">all types</a>
          </span>
        )}
      </div>
      <Trouble error={error} />
      {data !== null && data.groups.length === 0 && <Empty>Nothing has failed.</Empty>}
      {data !== null && data.groups.length > 0 && (
        <>
          <p className="quiet">
            {data.hasMore ? `The latest ${number(data.read)} failures` : `All ${number(data.read)} failures`}, by type,
            message and place in the code.
          </p>
          <Groups groups={data.groups} />
        </>
      )}
    </>
  )
}

function Groups({ groups }: { readonly groups: readonly ErrorGroupRow[] }): ReactNode {
  return (
    <div className="scroll">
      <table className="cards" aria-label="Errors">
        <thead>
          <tr>
            <th scope="col">Error</th>
            <th scope="col">Type</th>
            <th scope="col" className="figure">
              Jobs
            </th>
            <th scope="col">Over time</th>
            <th scope="col">Last</th>
            <th scope="col">First</th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr key={group.fingerprint}>
              <td data-name="Error" className="cause">
                <a href={`#/errors/${group.fingerprint}`}>
                  {group.name !== null && <strong>{group.name}: </strong>}
                  {group.pattern === '' ? 'no message' : group.pattern}
                </a>
                {group.frame !== null && <code>{group.frame}</code>}
              </td>
              <td data-name="Type" className="name">
                <a href={`#/errors${queryOf({ jobType: group.jobType })}`}>{group.jobType}</a>
              </td>
              <td data-name="Jobs" className="figure">
                <strong>{number(group.count)}</strong>
                <Remaining group={group} />
              </td>
              <td data-name="Over time">
                <Spread counts={group.spread} />
              </td>
              <td data-name="Last">
                <Time at={group.lastAt} />
              </td>
              <td data-name="First">
                <Time at={group.firstAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Remaining({ group: { count, final } }: { readonly group: ErrorGroupRow }): ReactNode {
  const retrying = count - final
  return (
    <small className="quiet">
      {final > 0 && `${number(final)} for good`}
      {final > 0 && retrying > 0 && ', '}
      {retrying > 0 && `${number(retrying)} retrying`}
    </small>
  )
}

const BAR = { width: 7, gap: 2, height: 24 }

/** How often, in twelve equal parts of the time that all of them span. */
function Spread({ counts }: { readonly counts: readonly number[] }): ReactNode {
  const highest = Math.max(1, ...counts)
  const width = counts.length * (BAR.width + BAR.gap)
  return (
    <svg
      className="spread"
      width={width}
      height={BAR.height}
      viewBox={`0 0 ${width} ${BAR.height}`}
      role="img"
      aria-label={`In twelve parts of the time: ${counts.join(', ')}`}
    >
      {counts.map((count, at) => {
        const height = count === 0 ? 2 : Math.max(4, (count / highest) * BAR.height)
        return (
          <rect
            key={at}
            className={count === 0 ? 'none' : undefined}
            x={at * (BAR.width + BAR.gap)}
            y={BAR.height - height}
            width={BAR.width}
            height={height}
            rx={1.5}
          />
        )
      })}
    </svg>
  )
}

/** One cause: where it comes from, whom it hit, and how to bring them all back. */
export function ErrorScreen({ fingerprint }: { readonly fingerprint: string }): ReactNode {
  const path = `/errors/${encodeURIComponent(fingerprint)}`
  const { data, error, refresh } = useLive<ErrorDetail>(path)
  return (
    <>
      <p className="crumb">
        <a href="#/errors">Errors</a>
      </p>
      <Trouble error={error} />
      {data !== null && (
        <>
          <div className="title">
            <h1>{data.group.name ?? 'Error'}</h1>
            <span className="name quiet">{data.group.jobType}</span>
            <RedriveAll group={data.group} path={path} onDone={refresh} />
          </div>
          <Panel title="Cause">
            <Facts of={factsOf(data.group)} />
            {data.error === null ? <p className="message">{data.group.message}</p> : <ErrorView error={data.error} />}
          </Panel>
          <Panel title="Latest jobs">
            <JobsTable jobs={data.jobs} label="Latest jobs" />
          </Panel>
        </>
      )}
    </>
  )
}

function factsOf(group: ErrorGroupRow): readonly (readonly [string, ReactNode])[] {
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Jobs', number(group.count)],
    ['Failed for good', number(group.final)],
    ['Last', <Time key="last" at={group.lastAt} />],
    ['First', <Time key="first" at={group.firstAt} />],
    ['Latest job', group.latestJobId && <JobLink key="job" id={group.latestJobId} />],
    ['Reason', group.reason],
    ['Over time', <Spread key="spread" counts={group.spread} />],
    ['Place', group.frame !== null && <code key="frame">{group.frame}</code>],
    ['Fingerprint', <code key="print">{group.fingerprint}</code>],
  ]
  return facts.filter(([, value]) => value !== null && value !== false)
}

interface RedriveProps {
  readonly group: ErrorGroupRow
  readonly path: string
  readonly onDone: () => void
}

function RedriveAll({ group, path, onDone }: RedriveProps): ReactNode {
  const { meta, tell } = useShared()
  const [isAsked, setIsAsked] = useState(false)
  const { changed, isRunning, run, stop } = useChunks()
  if (!meta.canChange || !group.canRedrive) return null
  const redrive = async (): Promise<void> => {
    const done = await run(async () => {
      const answer = await post<{ changed: number; left: number }>(`${path}/redrive`)
      return { changed: answer.changed, next: answer.left > 0 ? answer.left : null }
    })
    setIsAsked(false)
    if (done !== null) tell(`${jobs(done)} made pending again.`)
    onDone()
  }
  return (
    <>
      <button type="button" className="primary" onClick={() => setIsAsked(true)}>
        Redrive {jobs(group.final)}
      </button>
      {isAsked && (
        <Dialog title={`Redrive ${jobs(group.final)}?`} onClose={() => setIsAsked(false)}>
          <p>All that failed for good like this become pending again, with all their attempts.</p>
          {isRunning && (
            <label className="progress">
              {number(changed ?? 0)} done <progress max={group.final} value={changed ?? 0} aria-label="Progress" />
            </label>
          )}
          <div className="actions">
            <button type="button" onClick={isRunning ? stop : () => setIsAsked(false)}>
              {isRunning ? 'Stop' : 'Leave them'}
            </button>
            <button type="button" className="primary" disabled={isRunning} onClick={() => void redrive()}>
              Redrive
            </button>
          </div>
        </Dialog>
      )}
    </>
  )
}
