import type { Subscribe } from './poll.ts'

/**
 * Push over server-sent events, such as `createStatusRoute` sends them: every message of the stream makes the hook ask again. The browser
 * connects anew by itself; polling goes on while it is not connected.
 *
 * `useJob(id, { fetcher, subscribe: eventSource(`/api/jobs/${id}`) })`
 */
export function eventSource(url: string | URL): Subscribe {
  return (onChange, onOpen) => {
    const source = new EventSource(url)
    source.addEventListener('open', () => onOpen(true))
    source.addEventListener('error', () => onOpen(false))
    source.addEventListener('message', onChange)
    return () => source.close()
  }
}
