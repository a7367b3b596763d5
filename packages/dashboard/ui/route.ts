import { useSyncExternalStore } from 'react'

/** Where the page is: what stands behind the `#` of its address, so that it works wherever it is mounted. */
export interface Place {
  /** Such as `['jobs', '42']`. */
  readonly parts: readonly string[]
  readonly params: URLSearchParams
}

export function usePlace(): Place {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash)
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
  return { parts: path.split('/').filter((part) => part !== ''), params: new URLSearchParams(query) }
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener('hashchange', onChange)
  return () => window.removeEventListener('hashchange', onChange)
}

export function go(href: string): void {
  window.location.hash = href
}
