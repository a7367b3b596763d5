import { useContext, useEffect, useRef, useState } from 'react'
import { Poll } from './poll.ts'
import type { PollState, Subscribe } from './poll.ts'
import { DefaultsContext } from './provider.tsx'

/** What `useJobs` and `useQueueStats` take besides the function. */
export interface UsePollOptions<T> {
  /** Asks the application's server. May be a new function at every render. */
  readonly fetcher: (signal: AbortSignal) => Promise<T>
  /** Milliseconds between an answer and the next request. Default: the provider's, else 1000. */
  readonly pollingInterval?: number | undefined
  /** Default `true`. */
  readonly enabled?: boolean | undefined
  /** Push from the server, beside polling; read when polling starts. */
  readonly subscribe?: Subscribe | undefined
}

/** What `useJobs` and `useQueueStats` answer. */
export interface UsePollResult<T> extends PollState<T> {
  /** Asks now. */
  readonly refresh: () => void
}

/** Asked again and again; a new `key` begins anew. `null` asks nothing. */
export function usePoll<T>(
  key: string | null,
  options: UsePollOptions<T> & { readonly isFinal: (data: T) => boolean },
): UsePollResult<T> {
  const defaults = useContext(DefaultsContext)
  const intervalMs = options.pollingInterval ?? defaults.pollingInterval ?? 1000
  // The latest functions, whatever their identity: a render with new ones asks nothing anew.
  const latest = useRef(options)
  useEffect(() => {
    latest.current = options
  })
  const isOn = key !== null && options.enabled !== false
  const [shown, setShown] = useState<Shown<T>>({ key: null, state: IDLE })
  const poll = useRef<Poll<T> | null>(null)
  useEffect(() => {
    if (!isOn) return undefined
    const current = new Poll<T>({
      fetch: (signal) => latest.current.fetcher(signal),
      isFinal: (data) => latest.current.isFinal(data),
      intervalMs,
      subscribe: latest.current.subscribe,
    })
    poll.current = current
    const show = (): void => setShown({ key, state: current.state })
    const unwatch = current.onChange(show)
    current.start()
    return () => {
      unwatch()
      current.stop()
      poll.current = null
    }
  }, [key, isOn, intervalMs])
  // What was answered for another key is not shown for this one, not even for one render.
  const state = shown.key === key ? shown.state : isOn ? LOADING : IDLE
  return { ...state, refresh: () => poll.current?.ask() }
}

interface Shown<T> {
  readonly key: string | null
  readonly state: PollState<T>
}

const IDLE: PollState<never> = { data: null, isLoading: false, error: null }
const LOADING: PollState<never> = { data: null, isLoading: true, error: null }

/**
 * A list of jobs, asked again and again. The fetcher decides which: pass the filters to it, and as `key`, so that a change of them
 * begins anew.
 */
export function useJobs<Jobs extends readonly unknown[]>(
  key: string,
  options: UsePollOptions<Jobs>,
): UsePollResult<Jobs> {
  return usePoll(`jobs ${key}`, { ...options, isFinal: never })
}

/** Figures of a queue, such as those of `queue.getStats()`, asked again and again. */
export function useQueueStats<Stats>(options: UsePollOptions<Stats>): UsePollResult<Stats> {
  return usePoll('stats', { ...options, isFinal: never })
}

function never(): boolean {
  return false
}
