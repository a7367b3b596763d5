import { useEffect, useRef, useState, type ReactNode } from 'react'
import type { LogLines, LogRow } from '../src/wire.ts'
import { number } from './format.ts'
import { Panel } from './parts.tsx'
import { useLive, usePoll } from './use-poll.ts'

const LEVELS = ['debug', 'info', 'warn', 'error'] as const
/** A reading of the stream holds no more lines than this; then it begins later. */
const MOST_FOLLOWED = 200

interface Props {
  readonly path: string
  /** Another one whenever an attempt has begun or ended. */
  readonly version: string
  /** Whether there may be more. */
  readonly isFollowed: boolean
}

/** What the handlers said, and go on saying. Nothing of a job that has said nothing. */
export function Logs({ path, version, isFollowed }: Props): ReactNode {
  const { data: whole } = usePoll<LogLines>(`${path}/logs${version}`, 0)
  const [kept, setKept] = useState<readonly LogRow[]>([])
  const [after, setAfter] = useState<number | null>(null)
  const { data: more } = useLive<LogLines>(isFollowed && after !== null ? `${path}/logs?after=${after}` : null)
  useEffect(() => {
    const read = [...(whole?.lines ?? []), ...(more?.lines ?? [])]
    if (whole === null) return
    setKept((before) => merged(before, read))
    const latest = read.reduce((highest, { id }) => Math.max(highest, id), 0)
    setAfter((before) => (before === null || (more?.lines.length ?? 0) > MOST_FOLLOWED ? latest : before))
  }, [whole, more])
  if (kept.length === 0) return null
  return <Lines lines={kept} dropped={more?.dropped ?? whole?.dropped ?? 0} />
}

function merged(before: readonly LogRow[], read: readonly LogRow[]): readonly LogRow[] {
  const all = new Map([...before, ...read].map((line) => [line.id, line]))
  if (all.size === before.length) return before
  return [...all.values()].toSorted((one, other) => one.id - other.id)
}

function Lines({ lines, dropped }: { readonly lines: readonly LogRow[]; readonly dropped: number }): ReactNode {
  const [lowest, setLowest] = useState(0)
  const shown = lines.filter(({ level }) => LEVELS.indexOf(level) >= lowest)
  const list = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  // Whoever has scrolled up reads there; whoever has not sees what comes.
  useEffect(() => {
    if (isAtEnd.current && list.current !== null) list.current.scrollTop = list.current.scrollHeight
  }, [shown.length])
  const onScroll = (): void => {
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = list.current ?? {}
    isAtEnd.current = scrollTop + clientHeight >= scrollHeight - 8
  }
  return (
    <Panel
      title="Log"
      extra={
        <label className="inline">
          From level
          <select value={lowest} onChange={(event) => setLowest(Number(event.target.value))}>
            {LEVELS.map((level, at) => (
              <option key={level} value={at}>
                {level}
              </option>
            ))}
          </select>
        </label>
      }
    >
      {dropped > 0 && <p className="quiet">{number(dropped)} older lines are gone.</p>}
      <div className="log" ref={list} onScroll={onScroll} tabIndex={0} role="log" aria-label="Log">
        {shown.map((line, at) => (
          <Line key={line.id} line={line} isNewAttempt={line.attempt !== shown[at - 1]?.attempt} />
        ))}
        {shown.length === 0 && <p className="quiet">Nothing of that level.</p>}
      </div>
    </Panel>
  )
}

function Line({ line, isNewAttempt }: { readonly line: LogRow; readonly isNewAttempt: boolean }): ReactNode {
  const { at, level, attempt, message, fields } = line
  return (
    <>
      {isNewAttempt && <p className="attempt">Attempt {attempt}</p>}
      <p className={level}>
        <time dateTime={at}>{at.slice(11, 23)}</time> <span className="level">{level}</span> {message}
        {fields !== null && <code> {JSON.stringify(fields.value)}</code>}
      </p>
    </>
  )
}
