import type { ReactNode } from 'react'
import type { Explanation } from 'millrace'
import type { EventRow, GraphView, JobDetail, Relations, StepRow } from '../src/wire.ts'
import { JobActions } from './job-actions.tsx'
import { useShared } from './context.ts'
import { duration, fullDate, jobs } from './format.ts'
import { Graph } from './graph.tsx'
import { JobsTable } from './jobs-table.tsx'
import { Logs } from './logs.tsx'
import { Timeline } from './timeline.tsx'
import { ErrorView, Facts, JobLink, Json, Panel, Status, Time, Trouble } from './parts.tsx'
import { useLive, usePoll } from './use-poll.ts'

export function JobScreen({ id }: { readonly id: string }): ReactNode {
  const path = `/jobs/${encodeURIComponent(id)}`
  const { data, error, refresh } = useLive<{ readonly job: JobDetail }>(path)
  return (
    <>
      <p className="crumb">
        <a href="#/jobs">Jobs</a>
      </p>
      <Trouble error={error} />
      {data !== null && <Loaded job={data.job} path={path} refresh={refresh} />}
    </>
  )
}

interface LoadedProps {
  readonly job: JobDetail
  readonly path: string
  readonly refresh: () => void
}

function Loaded({ job, path, refresh }: LoadedProps): ReactNode {
  // Read again whenever the job has changed, and not otherwise.
  const version = `?v=${encodeURIComponent(`${job.updatedAt}${job.attempts}${job.status}${job.progress}`)}`
  const { data: events } = usePoll<{ readonly events: readonly EventRow[] }>(`${path}/events${version}`, 0)
  const { data: steps } = usePoll<{ readonly steps: readonly StepRow[] }>(`${path}/steps${version}`, 0)
  const { data: graph } = useLive<GraphView>(`${path}/graph`)
  const { data: relations } = usePoll<Relations>(`${path}/relations${version}`, 0)
  return (
    <>
      <div className="title">
        <h1>
          <span className="name">{job.jobType}</span> <span className="quiet">{job.id}</span>
        </h1>
        <Status job={job} />
        <JobActions job={job} onChanged={refresh} />
      </div>
      {job.status === 'processing' && job.progress !== null && (
        <label className="progress">
          {job.progress} % <progress max={100} value={job.progress} aria-label="Progress" />
        </label>
      )}
      <Why job={job} path={path} />
      {graph !== null && graph.nodes.length > 1 && <Graph graph={graph} current={job.id} />}
      <Panel title="Facts">
        <Facts of={factsOf(job)} />
      </Panel>
      {job.errorHistory.length > 0 && <Errors job={job} />}
      <div className="columns">
        <Panel title="Payload">
          <Json shown={job.payload} label="Payload" />
        </Panel>
        {(job.status === 'completed' || job.output.value !== null) && (
          <Panel title="Output">
            <Json shown={job.output} label="Output" />
          </Panel>
        )}
      </div>
      {steps !== null && steps.steps.length > 0 && <Steps steps={steps.steps} />}
      {relations !== null && <Related relations={relations} />}
      <Logs
        path={path}
        version={`?v=${encodeURIComponent(`${job.attempts}${job.status}`)}`}
        isFollowed={endOf(job) === null}
      />
      <Panel title="Timeline">{events !== null && <Timeline events={events.events} />}</Panel>
    </>
  )
}

/** A time as programs write it, which the texts of `explain` have. */
const INSTANT = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/

function Instant({ at }: { readonly at: string }): ReactNode {
  return (
    <time dateTime={at} title={at}>
      {fullDate(at)}
    </time>
  )
}

/** Of a job that somebody may be waiting for. */
function Why({ job, path }: Pick<LoadedProps, 'job' | 'path'>): ReactNode {
  const { meta } = useShared()
  const isAsked = job.status !== 'completed' && job.status !== 'cancelled' && meta.tenantId === null
  const { data } = useLive<Explanation>(isAsked ? `${path}/explain` : null)
  if (!isAsked || data === null) return null
  return (
    <Panel title="Where it stands">
      <p className="message plain">
        {data.text.split(INSTANT).map((part, at) => (at % 2 === 1 ? <Instant key={at} at={part} /> : part))}
      </p>
    </Panel>
  )
}

function factsOf(job: JobDetail): readonly (readonly [string, ReactNode])[] {
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Attempts', `${job.attempts} of ${job.maxAttempts}`],
    ['Priority', job.priority],
    ['Added', <Time key="added" at={job.createdAt} />],
    ['Due', <Time key="due" at={job.runAt} />],
    ['Started', <Time key="started" at={job.startedAt} />],
    ['Ended', <Time key="ended" at={endOf(job)} />],
    ['Next attempt', job.nextAttemptAt && <Time key="next" at={job.nextAttemptAt} />],
    ['Waits until', job.waitUntil && <Time key="wait" at={job.waitUntil} />],
    ['Waits for token', job.waitTokenId],
    ['Pending because', job.pendingReason],
    ['Failure', job.failureReason],
    ['Runs at', job.lockedBy && <code key="worker">{job.lockedBy}</code>],
    ['Time limit', job.timeoutMs === null ? null : duration(job.timeoutMs)],
    ['Group', job.groupId],
    ['Queue', job.queue],
    ['Tenant', job.tenantId],
    ['Key', job.idempotencyKey],
    ['Tags', job.tags.length > 0 && job.tags.map((tag) => <Tag key={tag} tag={tag} />)],
    ['Schedule', job.schedule?.name],
    ['Handler version', job.handlerVersion],
  ]
  return facts.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== '')
}

/** When it came to its end; `null` while there is more to come. */
function endOf({ status, nextAttemptAt, ...job }: JobDetail): string | null {
  if (status === 'completed') return job.completedAt
  if (status === 'cancelled') return job.lastCancelledAt
  return status === 'failed' && nextAttemptAt === null ? job.lastFailedAt : null
}

function Tag({ tag }: { readonly tag: string }): ReactNode {
  return (
    <a className="tag" href={`#/jobs?tag=${encodeURIComponent(tag)}`}>
      {tag}
    </a>
  )
}

function Errors({ job }: { readonly job: JobDetail }): ReactNode {
  const errors = job.errorHistory.toReversed()
  return (
    <Panel title={errors.length === 1 ? 'Error' : `${errors.length} errors, newest first`}>
      <ol className="errors">
        {errors.map((error, at) => (
          <li key={at}>
            <p className="quiet">
              {error.attempt !== undefined && `Attempt ${error.attempt}, `}
              <Time at={error.timestamp} />
              {error.reason !== undefined && `, ${error.reason}`}
            </p>
            <ErrorView error={error} />
          </li>
        ))}
      </ol>
    </Panel>
  )
}

/** Steps on one scale of time, so that what took long is seen. */
function Steps({ steps }: { readonly steps: readonly StepRow[] }): ReactNode {
  const starts = steps.map((step) => Date.parse(step.startedAt))
  const ends = steps.map((step) => (step.endedAt === null ? Date.now() : Date.parse(step.endedAt)))
  const [from, span] = [Math.min(...starts), Math.max(1, Math.max(...ends) - Math.min(...starts))]
  return (
    <Panel title="Steps">
      <ol className="steps">
        {steps.map((step, at) => {
          const [start = from, end = from] = [starts[at], ends[at]]
          const style = {
            left: `min(${((start - from) / span) * 100}%, 100% - 3px)`,
            width: `${Math.max(0.5, ((end - start) / span) * 100)}%`,
          }
          return (
            <li key={step.name}>
              <span className="name">{step.name}</span>
              <span className="quiet">
                {step.kind}, {step.status}
                {step.durationMs !== null && `, ${duration(step.durationMs)}`}
              </span>
              <span className="track" aria-hidden="true">
                <span className={step.status} style={style} />
              </span>
              {step.error !== null && <ErrorView error={step.error} />}
              <details>
                <summary>Result</summary>
                <Json shown={step.result} label={`Result of ${step.name}`} />
              </details>
            </li>
          )
        })}
      </ol>
    </Panel>
  )
}

function Related({ relations }: { readonly relations: Relations }): ReactNode {
  const { dependsOn, counts, deadLetter, deadLetterOf } = relations
  if (dependsOn.length === 0 && deadLetter === null && deadLetterOf === null) return null
  return (
    <Panel title="Relations">
      {deadLetterOf !== null && (
        <p>
          Made of job <JobLink id={deadLetterOf} />, which failed for good.
        </p>
      )}
      {deadLetter !== null && (
        <p>
          Its dead letter is job <JobLink id={deadLetter.id} /> ({deadLetter.jobType}).
        </p>
      )}
      {dependsOn.length > 0 && (
        <>
          <p>
            Waits for {jobs(counts?.total ?? dependsOn.length)}
            {counts !== null &&
              `: ${counts.completed} completed, ${counts.failed} failed, ${counts.unfinished} unfinished`}
            .
          </p>
          <JobsTable jobs={dependsOn} label="Jobs it waits for" />
        </>
      )}
    </Panel>
  )
}
