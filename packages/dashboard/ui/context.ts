import { createContext, useContext } from 'react'
import type { Meta, PauseRow } from '../src/wire.ts'

export interface Shared {
  readonly meta: Meta
  readonly pauses: readonly PauseRow[]
  /** Reads them again. */
  readonly refreshPauses: () => void
  /** Tells what happened, to eyes and ears. */
  readonly tell: (text: string, kind?: 'done' | 'failed') => void
}

export const SharedContext = createContext<Shared>({
  meta: {
    actor: null,
    canChange: false,
    tenantId: null,
    canPause: false,
    canProcess: false,
    jobTypes: [],
    redacts: false,
    queryTerms: [],
  },
  pauses: [],
  refreshPauses: () => undefined,
  tell: () => undefined,
})

export function useShared(): Shared {
  return useContext(SharedContext)
}

/** Runs a change and tells how it went; resolves with whether it did. */
export function useChange(): (change: () => Promise<string>) => Promise<boolean> {
  const { tell } = useShared()
  return async (change) => {
    try {
      tell(await change(), 'done')
      return true
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), 'failed')
      return false
    }
  }
}
