import { createContext, useMemo } from 'react'
import type { Context, ReactNode } from 'react'
import type { FollowedJob, JobData, JobFetcher } from './job.ts'

/** What hooks below a provider take where they are given nothing themselves. */
export interface Defaults {
  readonly fetcher?: JobFetcher<FollowedJob> | undefined
  readonly pollingInterval?: number | undefined
}

export const DefaultsContext: Context<Defaults> = createContext<Defaults>({})

/** What `MillraceProvider` takes. */
export interface MillraceProviderProps<Job extends FollowedJob = JobData> {
  /** For hooks that are given none. */
  readonly fetcher?: JobFetcher<Job>
  /** Milliseconds. Default 1000. */
  readonly pollingInterval?: number
  readonly children?: ReactNode
}

/** Sets what `useJob` takes where it is given nothing else. */
export function MillraceProvider<Job extends FollowedJob = JobData>({
  fetcher,
  pollingInterval,
  children,
}: MillraceProviderProps<Job>): ReactNode {
  const defaults = useMemo<Defaults>(() => ({ fetcher, pollingInterval }), [fetcher, pollingInterval])
  return <DefaultsContext.Provider value={defaults}>{children}</DefaultsContext.Provider>
}
