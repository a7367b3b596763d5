import type { ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { eventSource, useJob } from '../src/index.ts'
import type { FollowedJob } from '../src/index.ts'

/** In the title: what is told after the last render is not rendered. */
const tell = (what: string): void => {
  document.title += `, ${what}`
}

/** As an application would have it, with every function new at every render; it asks seldom, so that what it shows was pushed. */
function Follow({ id }: { id: number }): ReactNode {
  const { status, output, isRetrying } = useJob(id, {
    fetcher: async (of, signal): Promise<FollowedJob> =>
      JSON.parse(await (await fetch(`/jobs/${of}`, { signal })).text()),
    subscribe: eventSource(`/jobs/${id}`),
    pollingInterval: 600_000,
    onStatusChange: (now, before) => tell(`${before} > ${now}`),
    onComplete: () => tell('complete'),
    onFailed: () => tell('failed for good'),
  })
  return (
    <>
      <h1>{isRetrying ? 'retrying' : status}</h1>
      <p id="output">{JSON.stringify(output)}</p>
    </>
  )
}

const id = Number(new URLSearchParams(window.location.search).get('id'))
const root = document.createElement('main')
document.body.append(root)
createRoot(root).render(<Follow id={id} />)
