import { useState, type FormEvent, type ReactNode } from 'react'
import type { JobDetail } from '../src/wire.ts'
import { post } from './api.ts'
import { useChange, useShared } from './context.ts'
import { fieldOf, localInput } from './format.ts'
import { Dialog } from './parts.tsx'

interface Props {
  readonly job: JobDetail
  readonly onChanged: () => void
}

/** What can be done with a job as it stands; nothing else is offered. */
export function JobActions({ job, onChanged }: Props): ReactNode {
  const { meta } = useShared()
  const change = useChange()
  const [asked, setAsked] = useState<'cancel' | 'edit' | null>(null)
  if (!meta.canChange) return null
  const act = async (action: string, done: string): Promise<void> => {
    setAsked(null)
    if (await change(async () => (await post(`/jobs/${job.id}/${action}`), done))) onChanged()
  }
  const { canRetry, canRunNow, canEdit, canCancel } = possible(job)
  return (
    <div className="actions">
      {canRetry && (
        <button type="button" onClick={() => void act('retry', `Job ${job.id} is pending again.`)}>
          Retry
        </button>
      )}
      {canRunNow && (
        <button type="button" onClick={() => void act('run-now', `Job ${job.id} is due now.`)}>
          Run now
        </button>
      )}
      {canEdit && (
        <button type="button" onClick={() => setAsked('edit')}>
          Edit
        </button>
      )}
      {canCancel && (
        <button type="button" className="danger" onClick={() => setAsked('cancel')}>
          Cancel
        </button>
      )}
      {asked === 'cancel' && (
        <Dialog title={`Cancel job ${job.id}?`} onClose={() => setAsked(null)}>
          <p>
            {job.status === 'processing' ? 'Its worker is asked to stop.' : 'It will not run.'} It can be retried later.
          </p>
          <div className="actions">
            <button type="button" onClick={() => setAsked(null)}>
              Keep it
            </button>
            <button type="button" className="danger" onClick={() => void act('cancel', `Job ${job.id} is cancelled.`)}>
              Cancel the job
            </button>
          </div>
        </Dialog>
      )}
      {asked === 'edit' && <EditDialog job={job} onClose={() => setAsked(null)} onChanged={onChanged} />}
    </div>
  )
}

function possible({
  status,
  nextAttemptAt,
  runAt,
}: JobDetail): Record<'canRetry' | 'canRunNow' | 'canEdit' | 'canCancel', boolean> {
  const isBetween = status === 'failed' && nextAttemptAt !== null
  const waitsToStart = status === 'pending' || isBetween
  return {
    canRetry: status === 'failed' || status === 'cancelled',
    canRunNow: waitsToStart && (Date.parse(runAt) > Date.now() || isBetween),
    canEdit: waitsToStart,
    canCancel: waitsToStart || status === 'processing' || status === 'waiting',
  }
}

function EditDialog({ job, onClose, onChanged }: Props & { readonly onClose: () => void }): ReactNode {
  const { meta } = useShared()
  const change = useChange()
  const [payload, setPayload] = useState(() => JSON.stringify(job.payload.value, null, 2))
  const isInvalid = !isJson(payload)
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const updates = updatesIn(new FormData(event.currentTarget), job, payload)
    if (Object.keys(updates).length === 0) return onClose()
    const isDone = await change(async () => (await post(`/jobs/${job.id}/edit`, updates), `Job ${job.id} is changed.`))
    if (!isDone) return undefined
    onChanged()
    return onClose()
  }
  return (
    <Dialog title={`Edit job ${job.id}`} onClose={onClose}>
      <form className="stacked" onSubmit={(event) => void submit(event)}>
        {job.isPayloadEditable && (
          <label>
            Payload (JSON)
            <textarea
              rows={8}
              value={payload}
              onChange={(event) => setPayload(event.target.value)}
              aria-invalid={isInvalid}
              spellCheck={false}
            />
          </label>
        )}
        {meta.redacts && job.isPayloadEditable && (
          <p className="quiet">What is redacted keeps its value if left as it is.</p>
        )}
        <label>
          Priority
          <input name="priority" type="number" defaultValue={job.priority} required />
        </label>
        <label>
          Attempts at most
          <input name="maxAttempts" type="number" min={1} defaultValue={job.maxAttempts} required />
        </label>
        <label>
          Due (local time)
          <input name="runAt" type="datetime-local" step={1} defaultValue={localInput(job.runAt)} />
        </label>
        <label>
          Tags, with commas between them
          <input name="tags" defaultValue={job.tags.join(', ')} />
        </label>
        <div className="actions">
          <button type="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" className="primary" disabled={isInvalid}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  )
}

/** Only what differs, so that what somebody else changed meanwhile stays. */
function updatesIn(form: FormData, job: JobDetail, payload: string): Record<string, unknown> {
  const text = (name: string): string => fieldOf(form, name)
  const tags = text('tags')
    .split(',')
    .flatMap((tag) => tag.trim() || [])
  return {
    ...(job.isPayloadEditable &&
      payload !== JSON.stringify(job.payload.value, null, 2) && { payload: JSON.parse(payload) }),
    ...(Number(text('priority')) !== job.priority && { priority: Number(text('priority')) }),
    ...(Number(text('maxAttempts')) !== job.maxAttempts && { maxAttempts: Number(text('maxAttempts')) }),
    ...(text('runAt') !== localInput(job.runAt) && {
      runAt: text('runAt') === '' ? null : new Date(text('runAt')).toISOString(),
    }),
    ...(tags.join() !== job.tags.join() && { tags: tags.length > 0 ? tags : null }),
  }
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
