import { useState, type FormEvent, type ReactNode } from 'react'
import type { PayloadSchema } from '../src/wire.ts'
import { post, queryOf } from './api.ts'
import { useShared } from './context.ts'
import { fieldOf } from './format.ts'
import { isJson } from './job-actions.tsx'
import { Empty, Panel, Trouble } from './parts.tsx'
import { go } from './route.ts'
import { SchemaForm } from './schema-form.tsx'
import { initialOf } from './schema.ts'
import { usePoll } from './use-poll.ts'

export function EnqueueScreen({ params }: { readonly params: URLSearchParams }): ReactNode {
  const { meta } = useShared()
  return (
    <>
      <div className="title">
        <h1>Add a job</h1>
      </div>
      {meta.canChange ? <NewJob params={params} /> : <Empty>Nothing can be changed here.</Empty>}
    </>
  )
}

/** The type is in the address, so that a form for one can be linked to. */
function NewJob({ params }: { readonly params: URLSearchParams }): ReactNode {
  const { meta } = useShared()
  const jobType = params.get('jobType') ?? ''
  const [typed, setTyped] = useState(jobType)
  const { data } = usePoll<PayloadSchema>(jobType === '' ? null : `/schema${queryOf({ jobType })}`, 0)
  const take = (): void => {
    if (typed.trim() !== jobType) go(`/add${queryOf({ jobType: typed.trim() })}`)
  }
  return (
    <Panel title="New job">
      <div className="stacked">
        <label>
          Type
          <input
            value={typed}
            maxLength={255}
            list="all-types"
            autoComplete="off"
            onChange={(event) => {
              setTyped(event.target.value)
              // One of the list is chosen as a whole.
              if (meta.jobTypes.includes(event.target.value)) go(`/add${queryOf({ jobType: event.target.value })}`)
            }}
            onBlur={take}
            onKeyDown={(event) => event.key === 'Enter' && take()}
          />
        </label>
        <datalist id="all-types">
          {meta.jobTypes.map((type) => (
            <option key={type} value={type} />
          ))}
        </datalist>
      </div>
      {jobType === '' && <p className="quiet">Which payload it takes is asked for once the type is known.</p>}
      {jobType !== '' && data !== null && <Form key={jobType} jobType={jobType} schema={data.schema} />}
    </Panel>
  )
}

interface FormProps {
  readonly jobType: string
  readonly schema: PayloadSchema['schema']
}

function Form({ jobType, schema }: FormProps): ReactNode {
  const { tell } = useShared()
  const [error, setError] = useState<Error | null>(null)
  const payload = usePayload(schema)
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const job = { jobType, payload: payload.read(), ...optionsIn(new FormData(event.currentTarget)) }
    try {
      const { id } = await post<{ id: number }>('/jobs', job)
      tell(`Job ${id} is added.`)
      go(`/jobs/${id}`)
    } catch (refused) {
      setError(refused instanceof Error ? refused : new Error(String(refused)))
    }
  }
  return (
    <form className="stacked" onSubmit={(event) => void submit(event)} aria-label="New job">
      <PayloadFields payload={payload} schema={schema} />
      <Options />
      <Trouble error={error} />
      <div className="actions">
        <button type="submit" className="primary" disabled={payload.isInvalid}>
          Add
        </button>
        {payload.isInvalid && <span role="alert">The payload is not JSON.</span>}
      </div>
    </form>
  )
}

interface Payload {
  /** Whether it is edited as JSON; else by fields. */
  readonly isText: boolean
  readonly isInvalid: boolean
  readonly text: string
  readonly value: unknown
  readonly setText: (text: string) => void
  readonly setValue: (value: unknown) => void
  /** From one to the other, with what has been entered. */
  readonly turn: () => void
  readonly read: () => unknown
}

function usePayload(schema: FormProps['schema']): Payload {
  const [isText, setIsText] = useState(schema === null)
  const [value, setValue] = useState<unknown>(() => (schema === null ? {} : (initialOf(schema, schema, true) ?? {})))
  const [text, setText] = useState(() => JSON.stringify(value, null, 2))
  const turn = (): void => {
    if (isText) setValue(JSON.parse(text))
    else setText(JSON.stringify(value, null, 2))
    setIsText(!isText)
  }
  const read = (): unknown => (isText ? JSON.parse(text) : value)
  return { isText, isInvalid: isText && !isJson(text), text, value, setText, setValue, turn, read }
}

interface PayloadFieldsProps {
  readonly payload: Payload
  readonly schema: FormProps['schema']
}

function PayloadFields({ payload, schema }: PayloadFieldsProps): ReactNode {
  const { isText, isInvalid, text, value, setText, setValue, turn } = payload
  return (
    <>
      {schema === null ? (
        <p className="quiet">Nothing is known here of the payload of this type; whoever handles it may know more.</p>
      ) : (
        <div className="actions">
          <button type="button" onClick={turn} disabled={isInvalid}>
            {isText ? 'Payload as a form' : 'Payload as JSON'}
          </button>
        </div>
      )}
      {!isText && schema !== null && <SchemaForm schema={schema} value={value} onChange={setValue} />}
      {isText && (
        <label>
          Payload (JSON)
          <textarea
            rows={8}
            value={text}
            onChange={(event) => setText(event.target.value)}
            aria-invalid={isInvalid}
            spellCheck={false}
          />
        </label>
      )}
    </>
  )
}

function Options(): ReactNode {
  const { meta } = useShared()
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
        {field('queue', 'Queue')}
        {field('idempotencyKey', 'Key')}
        {meta.tenantId === null && field('tenantId', 'Tenant')}
      </div>
    </details>
  )
}

function optionsIn(form: FormData): Record<string, unknown> {
  const text = (name: string): string => fieldOf(form, name)
  const tags = text('tags')
    .split(',')
    .flatMap((tag) => tag.trim() || [])
  const plain = ['idempotencyKey', 'queue', 'tenantId'].filter((name) => text(name) !== '')
  return {
    ...Object.fromEntries(plain.map((name) => [name, text(name)])),
    ...(text('priority') !== '' && { priority: Number(text('priority')) }),
    ...(text('maxAttempts') !== '' && { maxAttempts: Number(text('maxAttempts')) }),
    ...(text('runAt') !== '' && { runAt: new Date(text('runAt')).toISOString() }),
    ...(tags.length > 0 && { tags }),
    ...(text('group') !== '' && { group: { id: text('group') } }),
  }
}
