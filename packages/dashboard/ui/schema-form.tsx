import { useId, useState, type ReactNode } from 'react'
import { isJson } from './job-actions.tsx'
import { localInput } from './format.ts'
import { fieldOf, initialOf, isObject, resolved, type Field, type Property, type Schema } from './schema.ts'

interface Props {
  readonly schema: Schema
  /** Where references lead. */
  readonly root: Schema
  readonly name: string
  readonly isRequired: boolean
  /** `undefined`: left out. */
  readonly value: unknown
  readonly onChange: (value: unknown) => void
}

/** The fields for a value as a schema describes it. What it says of the value is checked where the job is added, not here. */
export function SchemaForm({ schema, value, onChange }: Pick<Props, 'schema' | 'value' | 'onChange'>): ReactNode {
  const field = fieldOf(schema, schema)
  if (field.kind === 'object')
    return <Properties of={field.properties} root={schema} value={value} onChange={onChange} />
  return <Part schema={schema} root={schema} name="payload" isRequired value={value} onChange={onChange} />
}

interface PropertiesProps extends Pick<Props, 'root' | 'value' | 'onChange'> {
  readonly of: readonly Property[]
}

function Properties({ of, root, value, onChange }: PropertiesProps): ReactNode {
  const given = isObject(value) ? value : {}
  return of.map(({ name, schema, isRequired }) => (
    <Part
      key={name}
      schema={schema}
      root={root}
      name={name}
      isRequired={isRequired}
      value={given[name]}
      onChange={(next) => {
        const { [name]: _, ...rest } = given
        onChange(next === undefined ? rest : { ...given, [name]: next })
      }}
    />
  ))
}

function Part(props: Props): ReactNode {
  const field = fieldOf(props.schema, props.root)
  switch (field.kind) {
    case 'object':
      return <Nested {...props} field={field} />
    case 'list':
      return <List {...props} field={field} />
    case 'text':
      return <Text {...props} field={field} />
    case 'number':
      return <Numeric {...props} field={field} />
    case 'boolean':
      return <Choice {...props} values={[true, false]} />
    case 'choice':
      return <Choice {...props} values={field.values} />
    case 'json':
      return <JsonPart {...props} />
  }
}

/** A label, whether it has to be given, and what the schema says of it. */
function Labelled({
  schema,
  root,
  name,
  isRequired,
  children,
}: Pick<Props, 'schema' | 'root' | 'name' | 'isRequired'> & {
  readonly children: (hint: string | undefined) => ReactNode
}): ReactNode {
  const hint = useId()
  const { title, description } = resolved(schema, root)
  const isHinted = typeof description === 'string'
  return (
    <div className="field">
      <label>
        <span>
          {typeof title === 'string' ? title : name}
          {!isRequired && <span className="quiet"> (optional)</span>}
        </span>
        {children(isHinted ? hint : undefined)}
      </label>
      {isHinted && (
        <small id={hint} className="quiet">
          {description}
        </small>
      )}
    </div>
  )
}

type Of<K extends Field['kind']> = Extract<Field, { readonly kind: K }>

function Text(props: Props & { readonly field: Of<'text'> }): ReactNode {
  const { field, value, isRequired, onChange } = props
  const isTime = field.type === 'datetime-local'
  const text = typeof value === 'string' ? value : ''
  const shown = isTime && !Number.isNaN(Date.parse(text)) ? localInput(text) : text
  const change = (next: string): void => {
    if (next === '') onChange(undefined)
    else onChange(isTime ? new Date(next).toISOString() : next)
  }
  return (
    <Labelled {...props}>
      {(hint) => (
        <input
          type={field.type}
          step={isTime ? 1 : undefined}
          value={shown}
          required={isRequired}
          aria-describedby={hint}
          autoComplete="off"
          onChange={(event) => change(event.target.value)}
        />
      )}
    </Labelled>
  )
}

function Numeric(props: Props & { readonly field: Of<'number'> }): ReactNode {
  const { schema, root, field, value, isRequired, onChange } = props
  const { minimum, maximum } = resolved(schema, root)
  return (
    <Labelled {...props}>
      {(hint) => (
        <input
          type="number"
          step={field.isWhole ? 1 : 'any'}
          min={typeof minimum === 'number' ? minimum : undefined}
          max={typeof maximum === 'number' ? maximum : undefined}
          value={typeof value === 'number' ? value : ''}
          required={isRequired}
          aria-describedby={hint}
          onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.valueAsNumber)}
        />
      )}
    </Labelled>
  )
}

function Choice(props: Props & { readonly values: readonly unknown[] }): ReactNode {
  const { values, value, isRequired, onChange } = props
  const at = values.findIndex((one) => JSON.stringify(one) === JSON.stringify(value))
  return (
    <Labelled {...props}>
      {(hint) => (
        <select value={at} aria-describedby={hint} onChange={(event) => onChange(values[Number(event.target.value)])}>
          {(!isRequired || at < 0) && <option value={-1}>–</option>}
          {values.map((one, index) => (
            <option key={index} value={index}>
              {typeof one === 'string' ? one : JSON.stringify(one)}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  )
}

function Nested({
  field,
  schema,
  root,
  name,
  isRequired,
  value,
  onChange,
}: Props & { readonly field: Of<'object'> }): ReactNode {
  const isGiven = value !== undefined
  return (
    <fieldset className="nested">
      <legend>{name}</legend>
      {!isRequired && (
        <label className="check">
          <input
            type="checkbox"
            checked={isGiven}
            onChange={() => onChange(isGiven ? undefined : initialOf({ ...schema, default: {} }, root, true))}
          />
          Give {name}
        </label>
      )}
      {(isRequired || isGiven) && <Properties of={field.properties} root={root} value={value} onChange={onChange} />}
    </fieldset>
  )
}

function List({ field, root, name, isRequired, value, onChange }: Props & { readonly field: Of<'list'> }): ReactNode {
  const items: readonly unknown[] = Array.isArray(value) ? value : []
  const change = (next: readonly unknown[]): void => onChange(next.length === 0 && !isRequired ? undefined : next)
  return (
    <fieldset className="nested">
      <legend>{name}</legend>
      {items.map((item, at) => (
        <div key={at} className="item">
          <Part
            schema={field.items}
            root={root}
            name={`${name} ${at + 1}`}
            isRequired
            value={item ?? undefined}
            onChange={(next) => change(items.with(at, next ?? null))}
          />
          <button type="button" aria-label={`Remove ${name} ${at + 1}`} onClick={() => change(items.toSpliced(at, 1))}>
            Remove
          </button>
        </div>
      ))}
      <div className="actions">
        <button type="button" onClick={() => change([...items, initialOf(field.items, root, true) ?? null])}>
          Add to {name}
        </button>
      </div>
    </fieldset>
  )
}

function JsonPart(props: Props): ReactNode {
  const { value, isRequired, onChange } = props
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value, null, 2))
  const isInvalid = text === '' ? isRequired : !isJson(text)
  return (
    <Labelled {...props}>
      {(hint) => (
        <textarea
          rows={3}
          value={text}
          aria-invalid={isInvalid}
          aria-describedby={hint}
          spellCheck={false}
          ref={(area) => area?.setCustomValidity(isInvalid ? 'This is not JSON.' : '')}
          onChange={(event) => {
            setText(event.target.value)
            if (event.target.value === '') onChange(undefined)
            else if (isJson(event.target.value)) onChange(JSON.parse(event.target.value))
          }}
        />
      )}
    </Labelled>
  )
}
