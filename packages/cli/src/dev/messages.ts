import type { GlobalOptions } from '../connection.ts'
import type { JobNews } from '../job-news.ts'

/** What the worker process of `dev` is to do. By message, since an argument with a password could be seen by others. */
export interface DevTask {
  readonly module: string
  readonly database: GlobalOptions
  readonly concurrency: number | undefined
  readonly drainMs: number
}

/** What it is told. */
export type ToWorker = { readonly kind: 'begin'; readonly task: DevTask } | { readonly kind: 'stop' }

/** What it tells. */
export type FromWorker =
  | { readonly kind: 'started'; readonly types: readonly string[] }
  | { readonly kind: 'news'; readonly news: JobNews }
  | { readonly kind: 'error'; readonly message: string; readonly isFatal: boolean }

const KINDS: ReadonlySet<unknown> = new Set(['started', 'news', 'error'])

/** Handlers share the channel, and may send messages of their own. */
export function isFromWorker(message: unknown): message is FromWorker {
  return typeof message === 'object' && message !== null && 'kind' in message && KINDS.has(message.kind)
}
