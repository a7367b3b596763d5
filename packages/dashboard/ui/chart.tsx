import type { ReactNode } from 'react'
import type { Sample } from '../src/wire.ts'
import { number } from './format.ts'

const WIDTH = 640
const HEIGHT = 120

/** Jobs completed per second between two readings; what cleaning up took away is not counted against them. */
export function ratesOf(samples: readonly Sample[]): readonly { readonly at: number; readonly value: number }[] {
  return samples.flatMap((sample, index) => {
    const before = samples[index - 1]
    if (before === undefined || sample.at <= before.at) return []
    return [
      { at: sample.at, value: Math.max(0, ((sample.completed - before.completed) * 1000) / (sample.at - before.at)) },
    ]
  })
}

export function Throughput({ samples }: { readonly samples: readonly Sample[] }): ReactNode {
  const rates = ratesOf(samples)
  const [first, last] = [rates[0], rates.at(-1)]
  if (first === undefined || last === undefined || rates.length < 2)
    return <p className="empty">Measured from now on; there is something to see in a few seconds.</p>
  const highest = Math.max(1, ...rates.map(({ value }) => value))
  const x = (at: number): number => ((at - first.at) / Math.max(1, last.at - first.at)) * WIDTH
  const y = (value: number): number => HEIGHT - (value / highest) * (HEIGHT - 8)
  const line = rates.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
  const text = `Completed per second over the last ${Math.round((last.at - first.at) / 1000)} s: now ${rounded(last.value)}, at most ${rounded(highest)}.`
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={text}>
        <polygon points={`0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`} />
        <polyline points={line} vectorEffect="non-scaling-stroke" />
      </svg>
      <figcaption>{text}</figcaption>
    </figure>
  )
}

function rounded(value: number): string {
  return value < 10 ? value.toFixed(1) : number(Math.round(value))
}
