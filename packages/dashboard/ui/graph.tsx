import { useMemo, type ReactNode } from 'react'
import type { GraphNodeRow, GraphView } from '../src/wire.ts'
import { duration, number } from './format.ts'
import { BOX, layout, type Box, type Line } from './graph-layout.ts'
import { Panel } from './parts.tsx'

const STATES = ['completed', 'processing', 'pending', 'waiting', 'retrying', 'failed', 'cancelled'] as const
type State = (typeof STATES)[number]

/** The jobs that a job belongs together with, in columns from left to right; each is a link. */
export function Graph({ graph, current }: { readonly graph: GraphView; readonly current: number }): ReactNode {
  const { boxes, lines, width, height } = useMemo(() => layout(graph, current), [graph, current])
  const done = graph.nodes.filter(({ status }) => status === 'completed').length
  return (
    <Panel
      title="Workflow"
      extra={
        <span className="quiet">
          {number(done)} of {number(graph.nodes.length)}
          {graph.isCut ? '+' : ''} completed
        </span>
      }
    >
      <div className="graph" tabIndex={0} role="region" aria-label="Jobs that wait for each other">
        <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
          <g aria-hidden="true">
            {lines.map((line) => (
              <path key={`${line.from.id} ${line.to.id}`} className={`edge ${edgeState(line)}`} d={curve(line)} />
            ))}
          </g>
          {boxes.map((box) => (
            <BoxView key={box.id} box={box} isCurrent={box.id === current} waitsFor={namesBefore(box, lines)} />
          ))}
        </svg>
      </div>
      <ul className="legend" aria-label="Colours">
        {STATES.filter((state) => graph.nodes.some((node) => stateOf(node) === state)).map((state) => (
          <li key={state} className={state}>
            {state}
          </li>
        ))}
      </ul>
    </Panel>
  )
}

interface BoxProps {
  readonly box: Box
  readonly isCurrent: boolean
  readonly waitsFor: string
}

function BoxView({ box: { id, jobs, x, y }, isCurrent, waitsFor }: BoxProps): ReactNode {
  const [first] = jobs
  if (first === undefined) return null
  const state = jobs.length === 1 ? stateOf(first) : stateOfMany(jobs)
  const type = `${cut(first.jobType, 21)}${jobs.length === 1 ? '' : ` ×${jobs.length}`}`
  const note = cut(jobs.length === 1 ? `${id} · ${noteOf(first)}` : tally(jobs), 29)
  const href = jobs.length === 1 ? `#/jobs/${id}` : `#/jobs/${(jobs.find((job) => stateOf(job) === state) ?? first).id}`
  return (
    <a
      href={href}
      aria-label={`${type} ${note}${waitsFor}`}
      aria-current={isCurrent ? 'true' : undefined}
      className={`node ${state}`}
    >
      {jobs.length > 1 && <rect x={x + 5} y={y + 5} width={BOX.width} height={BOX.height} rx={9} className="behind" />}
      <rect x={x} y={y} width={BOX.width} height={BOX.height} rx={9} className="box" />
      <rect x={x} y={y + 8} width={4} height={BOX.height - 16} rx={2} className="mark" />
      <text x={x + 16} y={y + 22} className="type">
        {`${type} `}
      </text>
      <text x={x + 16} y={y + 39} className="note">
        {note}
      </text>
      {first.progress !== null && state === 'processing' && jobs.length === 1 && (
        <rect
          x={x + 16}
          y={y + BOX.height - 6}
          width={((BOX.width - 32) * first.progress) / 100}
          height={3}
          rx={1.5}
          className="mark"
        />
      )}
    </a>
  )
}

function stateOf({ status, isRetrying }: GraphNodeRow): State {
  return isRetrying ? 'retrying' : status
}

/** What most needs to be seen of many. */
function stateOfMany(jobs: readonly GraphNodeRow[]): State {
  const order: readonly State[] = ['failed', 'retrying', 'processing', 'waiting', 'pending', 'cancelled', 'completed']
  return order.find((state) => jobs.some((job) => stateOf(job) === state)) ?? 'pending'
}

function noteOf(node: GraphNodeRow): string {
  const { startedAt, endedAt } = node
  const state = stateOf(node)
  if (startedAt === null || (state !== 'processing' && endedAt === null)) return state
  const took = (endedAt === null ? Date.now() : Date.parse(endedAt)) - Date.parse(startedAt)
  return `${state} ${state === 'processing' ? 'for' : 'in'} ${duration(Math.max(0, took))}`
}

function tally(jobs: readonly GraphNodeRow[]): string {
  return STATES.flatMap((state) => {
    const count = jobs.filter((job) => stateOf(job) === state).length
    return count === 0 ? [] : [`${count} ${state}`]
  }).join(', ')
}

function namesBefore({ id }: Box, lines: readonly Line[]): string {
  const before = lines.filter(({ to }) => to.id === id).map(({ from }) => `${from.jobs[0]?.jobType ?? ''} ${from.id}`)
  return before.length === 0 ? '' : `; waits for ${before.join(', ')}`
}

/** Whether what it stands for is over. */
function edgeState({ from }: Line): string {
  return from.jobs.every(({ status }) => status === 'completed') ? 'done' : 'open'
}

function curve({ from, to }: Line): string {
  const [x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2]
  const [x2, y2] = [to.x, to.y + BOX.height / 2]
  const bend = Math.max(24, (x2 - x1) / 2)
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
