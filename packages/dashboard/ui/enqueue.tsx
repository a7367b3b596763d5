import { useState, type FormEvent, type ReactNode } from 'react'
import { post } from './api.ts'
import { useChange, useShared } from './context.ts'
import { fieldOf } from './format.ts'
import { isJson } from './job-actions.tsx'
import { Panel } from './parts.tsx'
import { go } from './route.ts'

export function EnqueueScreen(): ReactNode {
  const { meta } = useShared()
  const change = useChange()
  const [payload, setPayload] = useState('{}')
  const isInvalid = !isJson(payload)
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const job = { ...jobIn(new FormData(event.currentTarget)), payload: JSON.parse(payload) }
    await change(async () => {
      const { id } = await post<{ id: number }>('/jobs', job)
      go(`/jobs/${id}`)
      return `Job ${id} is added.`
    })
  }
  return (
    <>
      <div className="title">
        <h1>Add a job</h1>
      </div>
      {!meta.canChange && <p className="empty">Nothing can be changed here.</p>}
      {meta.canChange && (
        <Panel title="New job">
          <form className="stacked" onSubmit={(event) => void submit(event)}>
            <label>
              Type
              <input name="jobType" required maxLength={255} list="all-types" autoComplete="off" />
            </label>
            <datalist id="all-types">
              {meta.jobTypes.map((type) => (
                <option key={type} value={type} />
              ))}
            </datalist>
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
            <Options />
            <div className="actions">
              <button type="submit" className="primary" disabled={isInvalid}>
                Add
              </button>
              {isInvalid && <span role="alert">The payload is not JSON.</span>}
            </div>
          </form>
        </Panel>
      )}
    </>
  )
}

function Options(): ReactNode {
  const field = (name: string, label: string, type: string = 'text'): ReactNode => (
    <label>
      {label}
      <input name={name} type={type} autoComplete="off" />
    </label>
  )
  return (
    <details>
      <summary>Options</summary>
      <div className="stacked">
        {field('priority', 'Priority (0; higher runs first)', 'number')}
        {field('runAt', 'Not before (local time)', 'datetime-local')}
        {field('maxAttempts', 'Attempts at most (3)', 'number')}
        {field('tags', 'Tags, with commas between them')}
        {field('group', 'Group')}
        {field('idempotencyKey', 'Key')}
      </div>
    </details>
  )
}

function jobIn(form: FormData): Record<string, unknown> {
  const text = (name: string): string => fieldOf(form, name)
  const tags = text('tags')
    .split(',')
    .flatMap((tag) => tag.trim() || [])
  return {
    jobType: text('jobType'),
    ...(text('priority') !== '' && { priority: Number(text('priority')) }),
    ...(text('maxAttempts') !== '' && { maxAttempts: Number(text('maxAttempts')) }),
    ...(text('runAt') !== '' && { runAt: new Date(text('runAt')).toISOString() }),
    ...(tags.length > 0 && { tags }),
    ...(text('group') !== '' && { group: { id: text('group') } }),
    ...(text('idempotencyKey') !== '' && { idempotencyKey: text('idempotencyKey') }),
  }
}
