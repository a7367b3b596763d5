import { useState, type ReactNode } from 'react'
import type { ScheduleRow, TickRow } from '../src/wire.ts'
import { post } from './api.ts'
import { useChange, useShared } from './context.ts'
import { dateIn, duration, fullDate } from './format.ts'
import { Dialog, Empty, Facts, JobLink, Panel, Time, Trouble } from './parts.tsx'
import { useLive, usePoll } from './use-poll.ts'

export function SchedulesScreen(): ReactNode {
  const { data, error, refresh } = useLive<{ readonly schedules: readonly ScheduleRow[] }>('/schedules')
  const schedules = data?.schedules ?? []
  return (
    <>
      <div className="title">
        <h1>Schedules</h1>
      </div>
      <Trouble error={error} />
      {data !== null && schedules.length === 0 && <Empty>There are no schedules.</Empty>}
      {schedules.map((schedule) => (
        <Schedule key={schedule.id} schedule={schedule} refresh={refresh} />
      ))}
    </>
  )
}

interface Props {
  readonly schedule: ScheduleRow
  readonly refresh: () => void
}

function Schedule({ schedule, refresh }: Props): ReactNode {
  const [showsTicks, setShowsTicks] = useState(false)
  return (
    <Panel
      title={schedule.scheduleName}
      extra={
        <span className={`status ${schedule.status === 'active' ? 'completed' : 'waiting'}`}>{schedule.status}</span>
      }
    >
      <Facts of={factsOf(schedule)} />
      <div className="actions">
        <Actions schedule={schedule} refresh={refresh} />
        <button type="button" onClick={() => setShowsTicks(true)} aria-label={`History of ${schedule.scheduleName}`}>
          History
        </button>
      </div>
      {showsTicks && <Ticks schedule={schedule} onClose={() => setShowsTicks(false)} />}
    </Panel>
  )
}

function factsOf(schedule: ScheduleRow): readonly (readonly [string, ReactNode])[] {
  const rule =
    schedule.everyMs === null ? (
      <span key="rule">
        {schedule.inWords}
        <code className="rule">
          {schedule.cronExpression} ({schedule.timezone})
        </code>
      </span>
    ) : (
      `every ${duration(schedule.everyMs)}`
    )
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Rule', rule],
    [
      'Adds',
      <span key="type" className="name">
        {schedule.jobType}
      </span>,
    ],
    [
      schedule.everyMs === null ? `Next runs, ${schedule.timezone}` : 'Next runs',
      schedule.nextRuns.length === 0 ? 'none' : <NextRuns key="next" schedule={schedule} />,
    ],
    ['Clock', schedule.clockChanges.length > 0 && <Notes key="clock" notes={schedule.clockChanges} />],
    ['Last added', <Time key="last" at={schedule.lastEnqueuedAt} none="never" />],
    ['Last job', schedule.lastJobId && <JobLink key="job" id={schedule.lastJobId} />],
    ['Last skipped', schedule.lastSkippedAt && <Time key="skip" at={schedule.lastSkippedAt} />],
    ['Overlap', schedule.allowOverlap ? 'allowed' : null],
    ['Tenant', schedule.tenantId],
    ['Declared in', schedule.owner],
  ]
  return facts.filter(([, value]) => value !== null && value !== 0 && value !== false)
}

/** By the clock that the rule goes by. */
function NextRuns({ schedule: { nextRuns, everyMs, timezone } }: { readonly schedule: ScheduleRow }): ReactNode {
  return (
    <ol className="runs">
      {nextRuns.map((run) => (
        <li key={run}>
          <Time at={run} /> <span className="quiet">{everyMs === null ? dateIn(run, timezone) : fullDate(run)}</span>
        </li>
      ))}
    </ol>
  )
}

function Notes({ notes }: { readonly notes: readonly string[] }): ReactNode {
  return (
    <ul className="runs">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  )
}

function Actions({ schedule, refresh }: Props): ReactNode {
  const { meta } = useShared()
  const change = useChange()
  if (!meta.canChange) return null
  const { id, scheduleName: name, status } = schedule
  const act = async (action: string, done: string): Promise<void> => {
    if (await change(async () => (await post(`/schedules/${id}/${action}`), done))) refresh()
  }
  const button = (action: string, text: string, done: string): ReactNode => (
    <button type="button" aria-label={`${text}: ${name}`} onClick={() => void act(action, done)}>
      {text}
    </button>
  )
  return (
    <>
      {button('run', 'Run now', `A job of ${name} is added.`)}
      {status === 'active' && button('skip', 'Skip next', `The next run of ${name} is passed over.`)}
      {status === 'active'
        ? button('pause', 'Pause', `${name} is paused.`)
        : button('resume', 'Resume', `${name} goes on.`)}
    </>
  )
}

function Ticks({ schedule, onClose }: { readonly schedule: ScheduleRow; readonly onClose: () => void }): ReactNode {
  const { data, error } = usePoll<{ readonly ticks: readonly TickRow[] }>(`/schedules/${schedule.id}`, 0)
  const ticks = data?.ticks ?? []
  return (
    <Dialog title={`History of ${schedule.scheduleName}`} onClose={onClose}>
      <Trouble error={error} />
      {data !== null && ticks.length === 0 && <Empty>It has not been due yet.</Empty>}
      {ticks.length > 0 && (
        <div className="scroll">
          <table aria-label="Ticks">
            <thead>
              <tr>
                <th scope="col">Due</th>
                <th scope="col">Outcome</th>
                <th scope="col">Job</th>
              </tr>
            </thead>
            <tbody>
              {ticks.map((tick) => (
                <tr key={`${tick.tickAt}${tick.outcome}${tick.jobId}`}>
                  <td>{fullDate(tick.tickAt)}</td>
                  <td>{tick.outcome}</td>
                  <td>{tick.jobId === null ? '–' : <JobLink id={tick.jobId} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div className="actions">
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  )
}
