import { useEffect, useRef, useState } from 'react'
import type { JobPage, JobRow } from '../src/wire.ts'
import { get } from './api.ts'
import { useShared } from './context.ts'

/** A page of jobs, and what a search further down has added to it. */
export interface Search {
  readonly jobs: readonly JobRow[]
  /** What to go on with; `null`: that was all. */
  readonly next: number | null
  /** Whether the page is not full, though there may be more. */
  readonly isPartial: boolean
  readonly isRunning: boolean
  /** Until the page is full, all is searched, or it is stopped. */
  readonly further: () => void
  readonly stop: () => void
}

interface Found {
  readonly of: string
  readonly jobs: readonly JobRow[]
  readonly next: number | null
  readonly isRunning: boolean
}

const NOTHING: Found = { of: '', jobs: [], next: null, isRunning: false }
const PAGE = 50

/** @param path - Of the page; another one begins anew. */
export function useSearch(path: string, filters: string, page: JobPage | null): Search {
  const { tell } = useShared()
  const [found, setFound] = useState<Found>(NOTHING)
  const running = useRef<AbortController | null>(null)
  const stop = (): void => running.current?.abort()
  // Whoever looks at something else has stopped looking for this.
  useEffect(() => () => running.current?.abort(), [path])
  const own = found.of === path ? found : NOTHING
  const first = page?.jobs ?? []
  const jobs = [...first, ...own.jobs.filter(({ id }) => !first.some((row) => row.id === id))]
  const next = own.of === path ? own.next : (page?.nextCursor ?? null)
  const search = async (from: number): Promise<void> => {
    const ended = new AbortController()
    running.current = ended
    let state: Found = { of: path, jobs: own.jobs, next: from, isRunning: true }
    setFound(state)
    try {
      while (state.next !== null && first.length + state.jobs.length < PAGE && !ended.signal.aborted) {
        const part: JobPage = await get<JobPage>(`/jobs${filters}&cursor=${state.next}`, ended.signal)
        state = { ...state, jobs: [...state.jobs, ...part.jobs], next: part.nextCursor }
        setFound(state)
      }
    } catch (error) {
      if (!ended.signal.aborted) tell(error instanceof Error ? error.message : String(error), 'failed')
    }
    setFound((now) => (now.of === path ? { ...state, isRunning: false } : now))
  }
  return {
    jobs,
    next,
    isPartial: next !== null && jobs.length < PAGE,
    isRunning: own.isRunning,
    further: () => void (next !== null && search(next)),
    stop,
  }
}
