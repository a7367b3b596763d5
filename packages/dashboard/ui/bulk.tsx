import { useEffect, useState, type FormEvent, type ReactNode } from 'react'
import type { BulkAnswer, BulkCount } from '../src/wire.ts'
import { post } from './api.ts'
import { useShared } from './context.ts'
import { fieldOf, jobs, number } from './format.ts'
import { Dialog } from './parts.tsx'
import { statusesIn, withStatus } from './query.ts'
import { useChunks } from './use-chunks.ts'

type Action = 'cancel' | 'retry' | 'edit'

const NAMES: Readonly<Record<Action, string>> = {
  cancel: 'Cancel the pending ones',
  retry: 'Retry those that failed or were cancelled',
  edit: 'Change priority or time of the pending ones',
}
const VERBS: Readonly<Record<Action, string>> = { cancel: 'Cancel', retry: 'Retry', edit: 'Change' }
const DONE: Readonly<Record<Action, string>> = { cancel: 'cancelled', retry: 'made pending again', edit: 'changed' }

interface Props {
  /** What the list shows. */
  readonly query: string
  readonly onClose: () => void
}

/** Does something with all jobs that match: first says how many, then does it in parts that can be stopped. */
export function BulkDialog({ query, onClose }: Props): ReactNode {
  const { tell } = useShared()
  const [action, setAction] = useState<Action>(firstAction(statusesIn(query)))
  const { found, error } = useCount(action, query)
  const { changed, isRunning, run, stop } = useChunks()
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const given = { q: queryFor(action, query), action, ...changesIn(action, new FormData(event.currentTarget)) }
    const done = await run(async (cursor) => {
      const answer = await post<BulkAnswer>('/bulk', { ...given, ...(cursor !== null && { cursor }) })
      return { changed: answer.changed, next: answer.nextCursor }
    })
    if (done === null) return
    tell(`${jobs(done)} ${DONE[action]}.`)
    onClose()
  }
  return (
    <Dialog title="All jobs that match" onClose={onClose}>
      <p className="quiet">
        All that match <code>{queryFor(action, query)}</code>
      </p>
      <form onSubmit={(event) => void submit(event)}>
        <fieldset className="choices" disabled={isRunning}>
          <legend>What to do</legend>
          {(['cancel', 'retry', 'edit'] as const).map((one) => (
            <label key={one} className="check">
              <input type="radio" name="action" checked={action === one} onChange={() => setAction(one)} /> {NAMES[one]}
            </label>
          ))}
        </fieldset>
        {action === 'edit' && <Changes isRunning={isRunning} />}
        <p role="status" className={found?.count === 0 ? 'quiet' : undefined}>
          {error ?? told(found)}
        </p>
        {isRunning && <HowFar changed={changed ?? 0} found={found} />}
        <div className="actions">
          <button type="button" onClick={isRunning ? stop : onClose}>
            {isRunning ? 'Stop' : 'Leave them'}
          </button>
          <button
            type="submit"
            className={action === 'cancel' ? 'danger' : 'primary'}
            disabled={isRunning || (found?.count ?? 0) === 0}
          >
            {VERBS[action]} {howMany(found)}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

function Changes({ isRunning }: { readonly isRunning: boolean }): ReactNode {
  return (
    <fieldset className="choices row" disabled={isRunning}>
      <legend>To what</legend>
      <label>
        Priority
        <input name="priority" type="number" autoComplete="off" />
      </label>
      <label>
        Not before (local time)
        <input name="runAt" type="datetime-local" />
      </label>
      <label className="check">
        <input name="now" type="checkbox" /> Due now
      </label>
    </fieldset>
  )
}

function changesIn(action: Action, form: FormData): { readonly changes?: object } {
  if (action !== 'edit') return {}
  const [priority, runAt] = [fieldOf(form, 'priority'), fieldOf(form, 'runAt')]
  return {
    changes: {
      ...(priority !== '' && { priority: Number(priority) }),
      ...(runAt !== '' && { runAt: new Date(runAt).toISOString() }),
      ...(form.get('now') !== null && { runAt: null }),
    },
  }
}

/** What an action can be done to. */
const FOR: Readonly<Record<Action, readonly string[]>> = {
  cancel: ['pending'],
  retry: ['failed', 'cancelled'],
  edit: ['pending'],
}

function firstAction(statuses: readonly string[]): Action {
  return statuses.length > 0 && statuses.every((status) => FOR.retry.includes(status)) ? 'retry' : 'cancel'
}

/** A list of pending jobs has nothing to retry: what an action is for decides, not the tab that one came from. */
function queryFor(action: Action, query: string): string {
  const statuses = statusesIn(query)
  const isFor = statuses.length > 0 && statuses.every((status) => FOR[action].includes(status))
  return isFor ? query : withStatus(query, FOR[action].join(','))
}

function useCount(action: Action, query: string): { readonly found: BulkCount | null; readonly error: string | null } {
  const asked = JSON.stringify({
    q: queryFor(action, query),
    action,
    dryRun: true,
    ...(action === 'edit' && { changes: { priority: 0 } }),
  })
  const [answer, setAnswer] = useState<{
    readonly asked: string
    readonly found: BulkCount | null
    readonly error: string | null
  }>({
    asked: '',
    found: null,
    error: null,
  })
  useEffect(() => {
    let isOver = false
    const body: object = JSON.parse(asked)
    post<BulkCount>('/bulk', body).then(
      (found) => !isOver && setAnswer({ asked, found, error: null }),
      (error: unknown) =>
        !isOver && setAnswer({ asked, found: null, error: error instanceof Error ? error.message : String(error) }),
    )
    return () => {
      isOver = true
    }
  }, [asked])
  return answer.asked === asked ? answer : { found: null, error: null }
}

function HowFar({ changed, found }: { readonly changed: number; readonly found: BulkCount | null }): ReactNode {
  const isKnown = found?.hasMore === false
  return (
    <label className="progress">
      {number(changed)} done{' '}
      <progress {...(isKnown && { max: Math.max(1, found.count), value: changed })} aria-label="Progress" />
    </label>
  )
}

function howMany(found: BulkCount | null): string {
  return found === null || found.count === 0 ? '' : `${number(found.count)}${found.hasMore ? '+' : ''}`
}

function told(found: BulkCount | null): string {
  if (found === null) return 'Counting…'
  const { count, hasMore } = found
  if (count === 0) return 'No jobs match.'
  return hasMore ? `More than ${number(count)} jobs match.` : `${jobs(count)} ${count === 1 ? 'matches' : 'match'}.`
}
