import type { Subscribe } from './poll.ts'

/**
 * Push over server-sent events: every message of the stream makes the hook ask again. The browser connects anew by itself; polling
 * goes on meanwhile.
 *
 * `useJob(id, { fetcher, subscribe: eventSource(`/api/jobs/${id}/events`) })`
 */
export function eventSource(url: string | URL): Subscribe {
  return (onChange) => {
    const source = new EventSource(url)
    source.addEventListener('message', onChange)
    return () => source.close()
  }
}
