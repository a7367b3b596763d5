import type { ReactNode } from 'react'
import type { LaneRecord } from 'millrace'
import type { LaneList } from '../src/wire.ts'
import { queryOf } from './api.ts'
import { useShared } from './context.ts'
import { number } from './format.ts'
import { Empty, JobLink, Panel, Trouble } from './parts.tsx'
import { PauseButton, PausedMark, PausesPanel } from './pauses.tsx'
import { useLive } from './use-poll.ts'

const SHOWN_HOLDERS = 3

/** Who holds the places of a queue or group, and who waits for one. */
export function LanesScreen(): ReactNode {
  const { data, error } = useLive<LaneList>('/lanes')
  const [queues, groups] = [of(data, 'queue'), of(data, 'group')]
  return (
    <>
      <div className="title">
        <h1>Queues and groups</h1>
      </div>
      <Trouble error={error} />
      <PausesPanel />
      {data !== null && (
        <>
          <Panel title="Queues" extra={<span className="quiet">one job at a time, in order</span>}>
            <Lanes lanes={queues} label="Queues" none="No queue has work." />
          </Panel>
          <Panel title="Groups" extra={<span className="quiet">jobs that share a limit</span>}>
            <Lanes lanes={groups} label="Groups" none="No group has work." />
          </Panel>
        </>
      )}
    </>
  )
}

function of(list: LaneList | null, kind: LaneRecord['kind']): readonly LaneRecord[] {
  return list?.lanes.filter((lane) => lane.kind === kind) ?? []
}

interface LanesProps {
  readonly lanes: readonly LaneRecord[]
  readonly label: string
  readonly none: string
}

function Lanes({ lanes, label, none }: LanesProps): ReactNode {
  const { meta } = useShared()
  if (lanes.length === 0) return <Empty>{none}</Empty>
  return (
    <div className="scroll">
      <table className="cards" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Places taken</th>
            <th scope="col">Running</th>
            <th scope="col" className="figure">
              Waiting
            </th>
            <th scope="col">Next</th>
            {meta.canPause && <th scope="col">Actions</th>}
          </tr>
        </thead>
        <tbody>
          {lanes.map((lane) => (
            <Row key={JSON.stringify([lane.tenantId, lane.name])} lane={lane} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ lane }: { readonly lane: LaneRecord }): ReactNode {
  const { meta } = useShared()
  const { name, tenantId, limit, active, running, holders, waiting, isWaitingBounded, nextId } = lane
  const scope = { [lane.kind]: name, ...(tenantId !== null && { tenantId }) }
  return (
    <tr>
      <td data-name="Name" className="name">
        {lane.kind === 'group' ? <a href={`#/jobs${queryOf({ groupId: name, tenantId })}`}>{name}</a> : name}
        {tenantId !== null && <span className="quiet"> {tenantId}</span>} <PausedMark scope={scope} />
      </td>
      <td data-name="Places taken">
        {limit !== null && (
          <meter
            min={0}
            max={Math.max(1, limit)}
            value={Math.min(active, limit)}
            aria-label={`Places taken in ${name}`}
          />
        )}{' '}
        {number(active)} {limit === null ? <span className="quiet">of any number</span> : `of ${number(limit)}`}
      </td>
      <td data-name="Running">
        {running === 0 && <span className="quiet">none</span>}
        {holders.slice(0, SHOWN_HOLDERS).map((id) => (
          <span key={id} className="holder">
            <JobLink id={id} />
          </span>
        ))}
        {running > SHOWN_HOLDERS && <span className="quiet">and {number(running - SHOWN_HOLDERS)} more</span>}
      </td>
      <td data-name="Waiting" className="figure">
        {number(waiting)}
        {isWaitingBounded && '+'}
      </td>
      <td data-name="Next">{nextId === null ? <span className="quiet">none</span> : <JobLink id={nextId} />}</td>
      {meta.canPause && (
        <td data-name="Actions">
          <PauseButton scope={scope} />
        </td>
      )}
    </tr>
  )
}
