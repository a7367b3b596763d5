import { useState, type FormEvent, type ReactNode } from 'react'
import type { PauseScope } from 'millrace'
import type { PauseRow } from '../src/wire.ts'
import { post } from './api.ts'
import { useChange, useShared } from './context.ts'
import { fieldOf } from './format.ts'
import { Dialog, Panel, Time } from './parts.tsx'

/** In words, such as `type mail.send of tenant acme`. */
function told({ jobType, queue, group, tenantId }: PauseScope): string {
  const parts = [
    ...(jobType === undefined ? [] : [`type ${jobType}`]),
    ...(queue === undefined ? [] : [`queue ${queue}`]),
    ...(group === undefined ? [] : [`group ${group}`]),
  ]
  const of = tenantId === undefined ? '' : `${parts.length === 0 ? 'tenant' : ' of tenant'} ${tenantId}`
  return parts.length === 0 && of === '' ? 'everything' : `${parts.join(' in ')}${of}`
}

function isSame(one: PauseScope, other: PauseScope): boolean {
  const names = ['jobType', 'queue', 'group', 'tenantId'] as const
  return names.every((name) => one[name] === other[name])
}

/** Whether a pause covers all that has what `what` names. */
function covers({ scope }: PauseRow, what: PauseScope): boolean {
  const isOf = (name: keyof PauseScope): boolean => scope[name] === undefined || scope[name] === what[name]
  // A queue or a group is that of one tenant, or of none.
  const isLane = scope.queue !== undefined || scope.group !== undefined
  return (
    isOf('jobType') && isOf('queue') && isOf('group') && (isLane ? scope.tenantId === what.tenantId : isOf('tenantId'))
  )
}

/** That something is paused is the first thing to know of jobs that do not run. */
export function PausedBanner(): ReactNode {
  const { pauses } = useShared()
  const [first] = pauses
  if (first === undefined) return null
  const more = pauses.length - 1
  return (
    <p className="attention paused" role="status">
      <strong>Paused:</strong> {told(first.scope)}
      {first.reason !== null && `, ${first.reason}`}
      {more > 0 && `, and ${more} more`}. <a href="#/lanes">Look</a>
    </p>
  )
}

/** All pauses, and what ends or makes one. */
export function PausesPanel(): ReactNode {
  const { pauses, meta } = useShared()
  const [isAsked, setIsAsked] = useState(false)
  if (pauses.length === 0 && !meta.canPause) return null
  return (
    <Panel
      title="Paused"
      extra={
        meta.canPause && (
          <button type="button" onClick={() => setIsAsked(true)}>
            Pause…
          </button>
        )
      }
    >
      {pauses.length === 0 && <p className="empty">Nothing is paused.</p>}
      {pauses.length > 0 && (
        <ul className="pauses">
          {pauses.map((pause) => (
            <Paused key={JSON.stringify(pause.scope)} pause={pause} />
          ))}
        </ul>
      )}
      {isAsked && <PauseDialog scope={null} onClose={() => setIsAsked(false)} />}
    </Panel>
  )
}

function Paused({ pause }: { readonly pause: PauseRow }): ReactNode {
  const { scope, reason, by, pausedAt, until } = pause
  return (
    <li>
      <span className="name">{told(scope)}</span>
      {reason !== null && <span>{reason}</span>}
      <span className="quiet">
        {by !== null && `by ${by}, `}
        <Time at={pausedAt} />
        {until !== null && (
          <>
            , ends <Time at={until} />
          </>
        )}
      </span>
      <PauseButton scope={scope} />
    </li>
  )
}

/** Pauses or resumes what it names; nothing where a wider pause covers it, which is ended elsewhere. */
export function PauseButton({ scope }: { readonly scope: PauseScope }): ReactNode {
  const { meta, pauses, refreshPauses } = useShared()
  const change = useChange()
  const [isAsked, setIsAsked] = useState(false)
  const own = pauses.find((pause) => isSame(pause.scope, scope))
  if (!meta.canPause) return null
  const resume = async (): Promise<void> => {
    const isEverything = Object.keys(scope).length === 0
    const body = isEverything ? { everything: true } : scope
    if (await change(async () => (await post('/resume', body), `Resumed: ${told(scope)}.`))) refreshPauses()
  }
  return (
    <>
      {own === undefined ? (
        <button type="button" onClick={() => setIsAsked(true)} aria-label={`Pause ${told(scope)}`}>
          Pause
        </button>
      ) : (
        <button type="button" onClick={() => void resume()} aria-label={`Resume ${told(scope)}`}>
          Resume
        </button>
      )}
      {isAsked && <PauseDialog scope={scope} onClose={() => setIsAsked(false)} />}
    </>
  )
}

/** Says so where jobs of this scope are kept from starting. */
export function PausedMark({ scope }: { readonly scope: PauseScope }): ReactNode {
  const { pauses } = useShared()
  const found = pauses.find((pause) => covers(pause, scope))
  if (found === undefined) return null
  return (
    <span className="status waiting" title={found.reason ?? undefined}>
      paused
    </span>
  )
}

interface DialogProps {
  /** `null`: it is asked for. */
  readonly scope: PauseScope | null
  readonly onClose: () => void
}

function PauseDialog({ scope, onClose }: DialogProps): ReactNode {
  const { refreshPauses, meta } = useShared()
  const change = useChange()
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const [reason, until] = [fieldOf(form, 'reason'), fieldOf(form, 'until')]
    const asked = scope ?? scopeIn(form)
    const isEverything = scope === null ? form.has('everything') : Object.keys(scope).length === 0
    const body = {
      ...(isEverything ? { everything: true } : asked),
      ...(reason !== '' && { reason }),
      ...(until !== '' && { until: new Date(until).toISOString() }),
    }
    const isDone = await change(async () => (await post('/pause', body), `Paused: ${told(asked)}.`))
    if (!isDone) return
    refreshPauses()
    onClose()
  }
  return (
    <Dialog title={scope === null ? 'Pause' : `Pause ${told(scope)}`} onClose={onClose}>
      <form className="stacked" onSubmit={(event) => void submit(event)}>
        <p>No worker starts a job of it then. What runs, runs on.</p>
        {scope === null && <ScopeFields isForTenant={meta.tenantId !== null} />}
        <label>
          Reason
          <input name="reason" maxLength={1000} autoComplete="off" />
        </label>
        <label>
          Until (local time; left out: until it is resumed)
          <input name="until" type="datetime-local" step={1} />
        </label>
        <div className="actions">
          <button type="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" className="danger">
            Pause
          </button>
        </div>
      </form>
    </Dialog>
  )
}

const SCOPE_FIELDS = [
  { name: 'jobType', label: 'Type' },
  { name: 'queue', label: 'Queue' },
  { name: 'group', label: 'Group' },
  { name: 'tenantId', label: 'Tenant' },
] as const

function ScopeFields({ isForTenant }: { readonly isForTenant: boolean }): ReactNode {
  const [isEverything, setIsEverything] = useState(false)
  return (
    <>
      {!isEverything && (
        <fieldset className="choices">
          <legend>Jobs that have all of</legend>
          {SCOPE_FIELDS.filter(({ name }) => name !== 'tenantId' || !isForTenant).map(({ name, label }) => (
            <label key={name}>
              {label}
              <input name={name} maxLength={255} autoComplete="off" />
            </label>
          ))}
        </fieldset>
      )}
      <label className="check">
        <input
          name="everything"
          type="checkbox"
          checked={isEverything}
          onChange={(event) => setIsEverything(event.target.checked)}
        />
        {isForTenant ? 'All jobs of the tenant' : 'Every job'}
      </label>
    </>
  )
}

function scopeIn(form: FormData): PauseScope {
  const given = SCOPE_FIELDS.map(({ name }) => [name, fieldOf(form, name)] as const)
  return Object.fromEntries(given.filter(([, value]) => value !== ''))
}
