import { useCallback, useEffect, useRef, useState } from 'react'
import { get } from './api.ts'

export interface Polled<T> {
  readonly data: T | null
  readonly error: Error | null
  /** Asks again at once. */
  readonly refresh: () => void
}

interface Answer<T> {
  readonly path: string | null
  readonly data: T | null
  readonly error: Error | null
}

/** Asks again and again while the page is looked at, one request at a time. `everyMs` 0: once. */
export function usePoll<T>(path: string | null, everyMs: number = 3000): Polled<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ path: null, data: null, error: null })
  const again = useRef<() => void>(() => undefined)

  useEffect(() => {
    if (path === null) return undefined
    const ended = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let isAsking = false
    const ask = async (): Promise<void> => {
      if (isAsking) return
      isAsking = true
      clearTimeout(timer)
      try {
        const data = await get<T>(path, ended.signal)
        if (!ended.signal.aborted) setAnswer({ path, data, error: null })
      } catch (error) {
        const told = error instanceof Error ? error : new Error(String(error))
        if (!ended.signal.aborted)
          setAnswer((before) => ({ path, data: before.path === path ? before.data : null, error: told }))
      }
      isAsking = false
      if (everyMs > 0 && !ended.signal.aborted && !document.hidden) timer = setTimeout(() => void ask(), everyMs)
    }
    const onVisible = (): void => {
      if (!document.hidden) void ask()
    }
    again.current = () => void ask()
    if (everyMs > 0) document.addEventListener('visibilitychange', onVisible)
    void ask()
    return () => {
      ended.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', onVisible)
    }
  }, [path, everyMs])

  const refresh = useCallback(() => again.current(), [])
  const isCurrent = answer.path === path
  return { data: isCurrent ? answer.data : null, error: isCurrent ? answer.error : null, refresh }
}
