import { useState, type FormEvent, type ReactNode } from 'react'
import { post, queryOf } from './api.ts'
import { useChange, useShared } from './context.ts'
import { fieldOf, jobs, number } from './format.ts'
import { JobList } from './jobs.tsx'
import { Dialog } from './parts.tsx'
import { go } from './route.ts'

interface DryRun {
  readonly count: number
  readonly hasMore: boolean
}

/** Failures that are not tried again by themselves, and how to bring them back. */
export function DeadScreen({ params }: { readonly params: URLSearchParams }): ReactNode {
  const { meta } = useShared()
  const change = useChange()
  const [found, setFound] = useState<DryRun | null>(null)
  const filters = { jobType: params.get('jobType'), tag: params.get('tag') }
  const given = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== null && value !== ''))
  const count = (): Promise<boolean> =>
    change(async () => {
      const answer = await post<DryRun>('/redrive', { ...given, dryRun: true })
      if (answer.count > 0) setFound(answer)
      return answer.count === 0 ? 'There is nothing to bring back.' : `${number(answer.count)} dead letters match.`
    })
  const redrive = async (): Promise<void> => {
    setFound(null)
    await change(async () => {
      const answer = await post<{ count: number }>('/redrive', given)
      return `${jobs(answer.count)} made pending again.`
    })
  }
  const shown = new URLSearchParams({ ...given, status: 'failed', final: 'true' })
  return (
    <>
      <div className="title">
        <h1>Dead letters</h1>
        {meta.canChange && (
          <button type="button" onClick={() => void count()}>
            Redrive…
          </button>
        )}
      </div>
      <p className="quiet">Jobs that failed for good. Redriving makes them pending again, with all their attempts.</p>
      <DeadFilter key={params.toString()} params={params} />
      <JobList params={shown} label="Dead letters" />
      {found !== null && (
        <Dialog title={`Redrive ${jobs(found.count)}?`} onClose={() => setFound(null)}>
          <p>
            {found.hasMore
              ? `More than ${number(found.count)} match; the oldest ${number(found.count)} of them become pending again.`
              : `${found.count === 1 ? 'One job matches and becomes' : `${number(found.count)} jobs match and become`} pending again.`}
          </p>
          <div className="actions">
            <button type="button" onClick={() => setFound(null)}>
              Leave them
            </button>
            <button type="button" className="primary" onClick={() => void redrive()}>
              Redrive
            </button>
          </div>
        </Dialog>
      )}
    </>
  )
}

function DeadFilter({ params }: { readonly params: URLSearchParams }): ReactNode {
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    go(`/dead${queryOf({ jobType: fieldOf(form, 'jobType'), tag: fieldOf(form, 'tag') })}`)
  }
  return (
    <form className="filters" onSubmit={submit} aria-label="Filter">
      <label>
        Type
        <input name="jobType" defaultValue={params.get('jobType') ?? ''} autoComplete="off" />
      </label>
      <label>
        Tags
        <input name="tag" defaultValue={params.get('tag') ?? ''} autoComplete="off" />
      </label>
      <button type="submit">Filter</button>
    </form>
  )
}
