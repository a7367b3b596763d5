import { useState, type FormEvent, type ReactNode } from 'react'
import type { JobPage } from '../src/wire.ts'
import { queryOf } from './api.ts'
import { BulkDialog } from './bulk.tsx'
import { useShared } from './context.ts'
import { fieldOf, number } from './format.ts'
import { JobsTable } from './jobs-table.tsx'
import { Empty, Trouble } from './parts.tsx'
import { completions, queryIn, statusesIn, withStatus } from './query.ts'
import { go } from './route.ts'
import { useSearch, type Search } from './use-search.ts'
import { useLive } from './use-poll.ts'

const STATUSES = ['', 'pending', 'processing', 'waiting', 'completed', 'failed', 'cancelled']
const PAGE = 50

export function JobsScreen({ params }: { readonly params: URLSearchParams }): ReactNode {
  const { meta } = useShared()
  const [isBulk, setIsBulk] = useState(false)
  const query = queryIn(params)
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
      {isBulk && <BulkDialog query={query} onClose={() => setIsBulk(false)} />}
      <StatusTabs query={query} />
      <SearchForm key={query} query={query} />
      <JobList params={new URLSearchParams(query === '' ? {} : { q: query })} label="Jobs" />
    </>
  )
}

function StatusTabs({ query }: { readonly query: string }): ReactNode {
  const named = statusesIn(query)
  const current = named.length === 1 ? named[0] : named.length === 0 ? '' : undefined
  return (
    <nav className="tabs" aria-label="Status">
      {STATUSES.map((status) => (
        <a
          key={status}
          href={`#/jobs${queryOf({ q: withStatus(query, status) })}`}
          aria-current={status === current ? 'page' : undefined}
        >
          {status === '' ? 'all' : status}
        </a>
      ))}
    </nav>
  )
}

function SearchForm({ query }: { readonly query: string }): ReactNode {
  const { meta } = useShared()
  const [text, setText] = useState(query)
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault()
    go(`/jobs${queryOf({ q: fieldOf(new FormData(event.currentTarget), 'q') })}`)
  }
  return (
    <form className="search" onSubmit={submit} role="search" aria-label="Jobs">
      <input
        type="search"
        name="q"
        aria-label="Search"
        placeholder="status:failed type:mail.send tag:vip created:>-2h"
        autoComplete="off"
        spellCheck={false}
        list="completions"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <datalist id="completions">
        {completions(text, { statuses: STATUSES.slice(1), types: meta.jobTypes }).map((whole) => (
          <option key={whole} value={whole} />
        ))}
      </datalist>
      <button type="submit">Search</button>
      {query !== '' && <a href="#/jobs">Clear</a>}
      <details>
        <summary>How to search</summary>
        <dl className="terms">
          {meta.queryTerms.map(([term, meaning]) => (
            <div key={term}>
              <dt>
                <code>{term}</code>
              </dt>
              <dd>{inCode(meaning)}</dd>
            </div>
          ))}
        </dl>
        <p className="quiet">
          All terms hold together. A value with spaces or colons stands in double quotes. <code>millrace ls</code> takes
          the same.
        </p>
      </details>
    </form>
  )
}

/** What stands in backticks as code. */
function inCode(text: string): ReactNode {
  return text.split('`').map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))
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
