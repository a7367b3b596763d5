import { useCallback, useEffect, useRef, useState } from 'react'
import { useShared } from './context.ts'

/** One call of a change that takes several. */
export interface Chunk {
  readonly changed: number
  /** What to go on with; `null`: that was all. */
  readonly next: number | null
}

export interface Chunks {
  /** `null` before it begins. */
  readonly changed: number | null
  readonly isRunning: boolean
  readonly run: (chunk: (next: number | null) => Promise<Chunk>) => Promise<number | null>
  /** After the call under way. */
  readonly stop: () => void
}

/** Makes a large change in calls that each end soon, so that one sees how far it is and can stop it. */
export function useChunks(): Chunks {
  const { tell } = useShared()
  const [state, setState] = useState<{ readonly changed: number | null; readonly isRunning: boolean }>({
    changed: null,
    isRunning: false,
  })
  const isWanted = useRef(false)
  const stop = useCallback(() => {
    isWanted.current = false
  }, [])
  // Whoever leaves the page has stopped looking.
  useEffect(() => stop, [stop])
  const run: Chunks['run'] = async (chunk) => {
    isWanted.current = true
    let [changed, next]: [number, number | null] = [0, null]
    setState({ changed, isRunning: true })
    try {
      do {
        const done: Chunk = await chunk(next)
        changed += done.changed
        next = done.next
        setState({ changed, isRunning: true })
      } while (next !== null && isWanted.current)
      return changed
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), 'failed')
      return null
    } finally {
      setState({ changed, isRunning: false })
    }
  }
  return { ...state, run, stop }
}
