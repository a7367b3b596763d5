import { useEffect, useRef, type ReactNode } from 'react'
import type { JobError } from 'millrace'
import type { Shown } from '../src/plain.ts'
import type { JobRow } from '../src/wire.ts'
import { fullDate, number, relative } from './format.ts'

/** Of a failure, whether it is tried again is what matters. */
export function Status({ job }: { readonly job: Pick<JobRow, 'status' | 'nextAttemptAt'> }): ReactNode {
  const isRetrying = job.status === 'failed' && job.nextAttemptAt !== null
  return (
    <span className={`status ${isRetrying ? 'retrying' : job.status}`}>{isRetrying ? 'retrying' : job.status}</span>
  )
}

export function Time({ at, none = '–' }: { readonly at: string | null; readonly none?: string }): ReactNode {
  if (at === null) return <span className="quiet">{none}</span>
  return (
    <time dateTime={at} title={fullDate(at)}>
      {relative(at)}
    </time>
  )
}

export function JobLink({ id }: { readonly id: number }): ReactNode {
  return <a href={`#/jobs/${id}`}>{id}</a>
}

export function Trouble({ error }: { readonly error: Error | null }): ReactNode {
  if (error === null) return null
  return (
    <p className="trouble" role="alert">
      {error.message}
    </p>
  )
}

export function Empty({ children }: { readonly children: ReactNode }): ReactNode {
  return <p className="empty">{children}</p>
}

export function Panel({
  title,
  extra,
  children,
}: {
  readonly title: string
  readonly extra?: ReactNode
  readonly children: ReactNode
}): ReactNode {
  return (
    <section className="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {extra}
      </header>
      {children}
    </section>
  )
}

/** A value as JSON. What is redacted is the server's doing and cannot be shown. */
export function Json({ shown, label }: { readonly shown: Shown; readonly label: string }): ReactNode {
  const { value, cutFrom } = shown
  const text = cutFrom !== null && typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  return (
    <>
      <pre tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      {cutFrom !== null && <p className="quiet">Only the beginning; the whole has {number(cutFrom)} characters.</p>}
    </>
  )
}

export function ErrorView({ error }: { readonly error: JobError }): ReactNode {
  return (
    <>
      <p className="message">
        {error.name !== undefined && <strong>{error.name}: </strong>}
        {error.message}
      </p>
      {error.stack !== undefined && (
        <details>
          <summary>Stack</summary>
          <pre tabIndex={0} role="region" aria-label="Stack">
            {error.stack}
          </pre>
        </details>
      )}
      {error.cause?.map((cause, at) => (
        <details key={at}>
          <summary>
            Caused by {cause.name ?? 'an error'}: {cause.message}
          </summary>
          <pre tabIndex={0} role="region" aria-label="Stack of the cause">
            {cause.stack ?? cause.message}
          </pre>
        </details>
      ))}
    </>
  )
}

/** A dialog of the browser's own: it keeps the focus, and Escape closes it. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  readonly title: string
  readonly onClose: () => void
  readonly children: ReactNode
}): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} onClose={onClose} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </dialog>
  )
}

export function Facts({ of }: { readonly of: readonly (readonly [string, ReactNode])[] }): ReactNode {
  return (
    <dl className="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
