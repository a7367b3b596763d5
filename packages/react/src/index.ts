export { eventSource } from './event-source.ts'
export { isFinal } from './job.ts'
export type { FollowedJob, JobData, JobFetcher, JobState, JobState as JobStatus } from './job.ts'
export { MillraceProvider, MillraceProvider as DataqueueProvider } from './provider.tsx'
export type {
  MillraceProviderProps,
  MillraceProviderProps as DataqueueConfig,
  MillraceProviderProps as DataqueueProviderProps,
} from './provider.tsx'
export type { Subscribe } from './poll.ts'
export { useJob } from './use-job.ts'
export type { UseJobOptions, UseJobResult, UseJobResult as UseJobReturn } from './use-job.ts'
export { useJobs, useQueueStats } from './use-poll.ts'
export type { UsePollOptions, UsePollResult } from './use-poll.ts'
