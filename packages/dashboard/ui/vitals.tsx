import type { ReactNode } from 'react'
import type { VitalsView } from '../src/wire.ts'
import { bytes, duration, number } from './format.ts'
import { Facts, Panel, Time, Trouble } from './parts.tsx'
import { usePoll } from './use-poll.ts'

/** As long as one is open, nothing deleted since can be reclaimed. */
const LONG_TRANSACTION_MS = 300_000
const LARGE_SKEW_MS = 2000

/** How the database itself is. */
export function VitalsPanels(): ReactNode {
  const { data, error } = usePoll<VitalsView>('/vitals', 10_000)
  return (
    <>
      <Trouble error={error} />
      {data !== null && (
        <>
          {warningsOf(data).map((text) => (
            <p key={text} className="attention">
              {text}
            </p>
          ))}
          <Panel title="Database">
            <Facts of={factsOf(data)} />
          </Panel>
          {data.tables.length > 0 && <Tables tables={data.tables} />}
        </>
      )}
    </>
  )
}

function warningsOf({ oldestTransaction, clockSkewMs }: VitalsView): readonly string[] {
  const warnings: string[] = []
  if (oldestTransaction !== null && oldestTransaction.ageMs > LONG_TRANSACTION_MS)
    warnings.push(
      `A transaction has been open for ${duration(oldestTransaction.ageMs)}: what was deleted since cannot be reclaimed.`,
    )
  if (Math.abs(clockSkewMs) > LARGE_SKEW_MS)
    warnings.push(`The clocks of the database and of this process differ by ${duration(Math.abs(clockSkewMs))}.`)
  return warnings
}

function factsOf(vitals: VitalsView): readonly (readonly [string, ReactNode])[] {
  const { kind, version, maxBytes, connections, oldestTransaction, xminAge, clockSkewMs } = vitals
  const facts: readonly (readonly [string, ReactNode])[] = [
    [kind === 'redis' ? 'Redis' : kind === 'pglite' ? 'PGlite' : 'PostgreSQL', version],
    ['Size', `${bytes(vitals.bytes)}${maxBytes === null ? '' : ` of ${bytes(maxBytes)}`}`],
    ['Connections', connections && `${connections.used}${connections.max === null ? '' : ` of ${connections.max}`}`],
    [
      'Oldest transaction',
      oldestTransaction &&
        `${duration(oldestTransaction.ageMs)}, ${oldestTransaction.state} ${oldestTransaction.application}`,
    ],
    ['Oldest snapshot', xminAge !== null && `${number(xminAge)} transactions ago`],
    ['Clock', `${clockSkewMs >= 0 ? '+' : '−'}${duration(Math.abs(clockSkewMs))}`],
  ]
  return facts.filter(([, value]) => value !== null && value !== false)
}

function Tables({ tables }: Pick<VitalsView, 'tables'>): ReactNode {
  return (
    <Panel title="Tables">
      <div className="scroll">
        <table className="cards" aria-label="Tables">
          <thead>
            <tr>
              <th scope="col">Table</th>
              <th scope="col" className="figure">
                Size
              </th>
              <th scope="col" className="figure">
                Of it indexes
              </th>
              <th scope="col" className="figure">
                Rows
              </th>
              <th scope="col" className="figure">
                Dead rows
              </th>
              <th scope="col">Vacuumed</th>
            </tr>
          </thead>
          <tbody>
            {tables.map((table) => (
              <tr key={table.name}>
                <td data-name="Table">{table.name}</td>
                <td data-name="Size" className="figure">
                  {bytes(table.bytes)}
                </td>
                <td data-name="Of it indexes" className="figure">
                  {bytes(table.indexBytes)}
                </td>
                <td data-name="Rows" className="figure">
                  ≈ {number(table.liveRows)}
                </td>
                <td data-name="Dead rows" className="figure">
                  {number(table.deadRows)}
                </td>
                <td data-name="Vacuumed">
                  <Time at={table.vacuumedAt} none="never" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}
