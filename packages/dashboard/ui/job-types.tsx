import type { ReactNode } from 'react'
import type { TypeList, TypeRow } from '../src/wire.ts'
import { queryOf } from './api.ts'
import { useShared } from './context.ts'
import { number } from './format.ts'
import { Empty, Trouble } from './parts.tsx'
import { PauseButton, PausedMark, PausesPanel } from './pauses.tsx'
import { useLive } from './use-poll.ts'

/** What kinds of work there are, and whether somebody does it. */
export function TypesScreen(): ReactNode {
  const { data, error } = useLive<TypeList>('/types')
  const types = data?.types ?? []
  return (
    <>
      <div className="title">
        <h1>Job types</h1>
      </div>
      <Trouble error={error} />
      <PausesPanel />
      {data !== null && types.length === 0 && <Empty>No job has been added, and no worker says what it handles.</Empty>}
      {types.length > 0 && (
        <div className="scroll">
          <table className="cards" aria-label="Job types">
            <thead>
              <tr>
                <th scope="col">Type</th>
                <th scope="col">Workers</th>
                <th scope="col">Payload</th>
                <th scope="col">Actions</th>
              </tr>
            </thead>
            <tbody>
              {types.map((type) => (
                <Row key={type.jobType} type={type} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  )
}

function Row({ type }: { readonly type: TypeRow }): ReactNode {
  const { meta } = useShared()
  const { jobType, workers, hasSchema, isDeclared } = type
  return (
    <tr>
      <td data-name="Type" className="name">
        <a href={`#/jobs${queryOf({ jobType })}`}>{jobType}</a> <PausedMark scope={{ jobType }} />
      </td>
      <td data-name="Workers">{workers === 0 ? <span className="quiet">none</span> : number(workers)}</td>
      <td data-name="Payload">
        <span className="quiet">{hasSchema ? 'has a schema' : isDeclared ? 'checked, not described' : 'any JSON'}</span>
      </td>
      <td data-name="Actions">
        <div className="actions">
          {meta.canChange && (
            <a className="button" href={`#/add${queryOf({ jobType })}`} aria-label={`Add a job of type ${jobType}`}>
              Add
            </a>
          )}
          <PauseButton scope={{ jobType }} />
        </div>
      </td>
    </tr>
  )
}
