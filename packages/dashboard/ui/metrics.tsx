import { useState, type ReactNode } from 'react'
import type { MetricsView } from '../src/wire.ts'
import { duration, number } from './format.ts'
import { Empty, Panel, Trouble } from './parts.tsx'
import { usePoll } from './use-poll.ts'

const RANGES = [
  [60, 'Hour'],
  [360, '6 hours'],
  [1440, 'Day'],
  [4320, '3 days'],
] as const
/** Numbers come in once a minute. */
const EVERY_MS = 15_000
const WIDTH = 640
const HEIGHT = 120

/** What was done, how long it took and what failed, as all workers told it. */
export function MetricsPanel(): ReactNode {
  const [minutes, setMinutes] = useState<number>(60)
  const { data, error } = usePoll<MetricsView>(`/metrics?minutes=${minutes}`, EVERY_MS)
  const ranges = (
    <span className="ranges" role="group" aria-label="How far back">
      {RANGES.map(([range, name]) => (
        <button key={range} type="button" aria-pressed={range === minutes} onClick={() => setMinutes(range)}>
          {name}
        </button>
      ))}
    </span>
  )
  return (
    <Panel title="Done" extra={ranges}>
      <Trouble error={error} />
      {data !== null && <Loaded view={data} />}
    </Panel>
  )
}

function Loaded({ view }: { readonly view: MetricsView }): ReactNode {
  const { total, types, stepMinutes } = view
  const points = whole(view.points)
  if (types.length === 0)
    return <Empty>Nothing has ended in this time. Workers tell what they did once a minute.</Empty>
  const span = stepMinutes === 1 ? 'minute' : `${stepMinutes} minutes`
  return (
    <>
      <div className="charts">
        <Lines
          lines={[
            { kind: 'done', values: points.map(({ completed }) => completed) },
            { kind: 'bad', values: points.map(({ retried, failed }) => retried + failed) },
          ]}
          text={`${number(total.completed)} completed and ${number(total.retried + total.failed)} failed attempts (red), at most ${number(Math.max(...points.map(({ completed }) => completed)))} in ${stepMinutes === 1 ? 'a minute' : span}.`}
        />
        <Lines
          lines={[
            { kind: 'done', values: points.map(({ runP95Ms }) => runP95Ms) },
            { kind: 'quiet', values: points.map(({ waitP95Ms }) => waitP95Ms) },
          ]}
          text={`95 % ran at most ${time(total.runP95Ms)} and waited at most ${time(total.waitP95Ms)} (grey), by ${span}.`}
        />
      </div>
      <Types view={view} />
    </>
  )
}

/** Without the span that is not over, which would look as if everything had stopped; unless there is nothing else. */
function whole(points: MetricsView['points']): MetricsView['points'] {
  const over = points.slice(0, -1)
  return over.some(({ completed, retried, failed }) => completed + retried + failed > 0) ? over : points
}

interface LinesProps {
  /** `null`: nothing was measured then, and there is no line. */
  readonly lines: readonly { readonly kind: string; readonly values: readonly (number | null)[] }[]
  readonly text: string
}

function Lines({ lines, text }: LinesProps): ReactNode {
  const highest = Math.max(1, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)))
  const drawn = (values: readonly (number | null)[]): string =>
    values
      .flatMap((value, n) => {
        if (value === null) return []
        const x = (n / Math.max(1, values.length - 1)) * WIDTH
        const place = `${x.toFixed(1)},${(HEIGHT - 2 - (value / highest) * (HEIGHT - 8)).toFixed(1)}`
        // To where it is, so that one that stands alone is a dot.
        return [(values[n - 1] ?? null) === null ? `M${place}L${place}` : `L${place}`]
      })
      .join('')
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={text}>
        {lines.map(({ kind, values }) => (
          <path key={kind} className={kind} d={drawn(values)} vectorEffect="non-scaling-stroke" />
        ))}
      </svg>
      <figcaption>{text}</figcaption>
    </figure>
  )
}

function Types({ view }: { readonly view: MetricsView }): ReactNode {
  return (
    <div className="scroll">
      <table className="cards" aria-label="Done by type">
        <thead>
          <tr>
            <th scope="col">Type</th>
            {['Completed', 'Retried', 'Failed', 'Ran (half)', 'Ran (95 %)', 'Waited (95 %)'].map((name) => (
              <th key={name} scope="col" className="figure">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {view.types.map((type) => (
            <tr key={type.jobType}>
              <td data-name="Type" className="name">
                <a href={`#/jobs?jobType=${encodeURIComponent(type.jobType)}`}>{type.jobType}</a>
              </td>
              <Figure name="Completed">{number(type.completed)}</Figure>
              <Figure name="Retried">{number(type.retried)}</Figure>
              <Figure name="Failed">{number(type.failed)}</Figure>
              <Figure name="Ran (half)">{time(type.runP50Ms)}</Figure>
              <Figure name="Ran (95 %)">{time(type.runP95Ms)}</Figure>
              <Figure name="Waited (95 %)">{time(type.waitP95Ms)}</Figure>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Figure({ name, children }: { readonly name: string; readonly children: string }): ReactNode {
  return (
    <td className="figure" data-name={name}>
      {children}
    </td>
  )
}

function time(ms: number | null): string {
  return ms === null ? '–' : duration(ms)
}
