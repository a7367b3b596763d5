import { useState, type FormEvent, type ReactNode } from 'react'
import type { JobPage } from '../src/wire.ts'
import { queryOf } from './api.ts'
import { BulkDialog } from './bulk.tsx'
import { useShared } from './context.ts'
import { fieldOf, number } from './format.ts'
import { JobsTable } from './jobs-table.tsx'
import { Empty, Trouble } from './parts.tsx'
import { go } from './route.ts'
import { useSearch, type Search } from './use-search.ts'
import { useLive } from './use-poll.ts'

const STATUSES = ['', 'pending', 'processing', 'waiting', 'completed', 'failed', 'cancelled']
/** Those of the form; a link may carry others, which are kept. */
const FIELDS = ['jobType', 'tag', 'groupId', 'tenantId'] as const
const PAGE = 50

export function JobsScreen({ params }: { readonly params: URLSearchParams }): ReactNode {
  const { meta } = useShared()
  const [isBulk, setIsBulk] = useState(false)
  return (
    <>
      <div className="title">
        <h1>Jobs</h1>
        {meta.canChange && (
          <button type="button" onClick={() => setIsBulk(true)}>
            All that match…
          </button>
        )}
      </div>
      {isBulk && <BulkDialog filters={filtersIn(params)} onClose={() => setIsBulk(false)} />}
      <StatusTabs params={params} />
      <FilterForm key={params.toString()} params={params} />
      <JobList params={params} label="Jobs" />
    </>
  )
}

function StatusTabs({ params }: { readonly params: URLSearchParams }): ReactNode {
  const current = params.get('status') ?? ''
  return (
    <nav className="tabs" aria-label="Status">
      {STATUSES.map((status) => (
        <a
          key={status}
          href={`#/jobs${queryOf({ ...filtersIn(params), status })}`}
          aria-current={status === current ? 'page' : undefined}
        >
          {status === '' ? 'all' : status}
        </a>
      ))}
    </nav>
  )
}

function FilterForm({ params }: { readonly params: URLSearchParams }): ReactNode {
  const { meta } = useShared()
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const given = Object.fromEntries(FIELDS.map((name) => [name, fieldOf(form, name)]))
    go(`/jobs${queryOf({ ...filtersIn(params), ...given })}`)
  }
  const field = (name: (typeof FIELDS)[number], label: string): ReactNode => (
    <label>
      {label}
      <input
        name={name}
        defaultValue={params.get(name) ?? ''}
        autoComplete="off"
        list={name === 'jobType' ? 'types' : undefined}
      />
    </label>
  )
  const isFiltered = FIELDS.some((name) => params.has(name))
  return (
    <form className="filters" onSubmit={submit} aria-label="Filter">
      {field('jobType', 'Type')}
      {field('tag', 'Tags')}
      {field('groupId', 'Group')}
      {meta.tenantId === null && field('tenantId', 'Tenant')}
      <datalist id="types">
        {meta.jobTypes.map((type) => (
          <option key={type} value={type} />
        ))}
      </datalist>
      <button type="submit">Filter</button>
      {isFiltered && <a href={`#/jobs${queryOf({ status: params.get('status') })}`}>Clear</a>}
    </form>
  )
}

/** One page of jobs after the other, by where the page before ended, so that each costs the same. */
export function JobList({ params, label }: { readonly params: URLSearchParams; readonly label: string }): ReactNode {
  const filters = queryOf({ ...filtersIn(params), limit: PAGE })
  const [trail, setTrail] = useState<{ readonly of: string; readonly cursors: readonly number[] }>({
    of: '',
    cursors: [],
  })
  const cursors = trail.of === filters ? trail.cursors : []
  const cursor = cursors.at(-1)
  const path = `/jobs${filters}${cursor === undefined ? '' : `&cursor=${cursor}`}`
  const { data, error } = useLive<JobPage>(path)
  const search = useSearch(path, filters, data)
  return (
    <>
      <Trouble error={error} />
      {data !== null && search.jobs.length === 0 && search.next === null && <Empty>No jobs match.</Empty>}
      {search.jobs.length > 0 && <JobsTable jobs={search.jobs} label={label} />}
      {search.isPartial && <SearchFurther search={search} />}
      <nav className="pages" aria-label="Pages">
        <button
          type="button"
          disabled={cursors.length === 0}
          onClick={() => setTrail({ of: filters, cursors: cursors.slice(0, -1) })}
        >
          Newer
        </button>
        <span className="quiet">Page {cursors.length + 1}</span>
        <button
          type="button"
          disabled={search.next === null || search.isPartial}
          onClick={() => search.next !== null && setTrail({ of: filters, cursors: [...cursors, search.next] })}
        >
          Older
        </button>
      </nav>
    </>
  )
}

function SearchFurther({ search }: { readonly search: Search }): ReactNode {
  const { jobs, next, isRunning, further, stop } = search
  return (
    <p className="further" role="status">
      <span>
        {jobs.length === 0 ? 'None' : 'No more'} among the jobs down to {number(next ?? 0)}.
      </span>
      <button type="button" onClick={isRunning ? stop : further}>
        {isRunning ? 'Stop' : 'Search further'}
      </button>
    </p>
  )
}

function filtersIn(params: URLSearchParams): Record<string, string> {
  return Object.fromEntries(params)
}
