import { useState, type ReactNode } from 'react'
import type { Health } from '../src/wire.ts'
import { get } from './api.ts'
import { useChange } from './context.ts'
import { duration, fullDate, number } from './format.ts'
import { Panel } from './parts.tsx'
import { VitalsPanels } from './vitals.tsx'

export function HealthScreen(): ReactNode {
  const change = useChange()
  const [health, setHealth] = useState<Health | null>(null)
  const [isBusy, setIsBusy] = useState(false)
  const check = async (): Promise<void> => {
    setIsBusy(true)
    await change(async () => {
      const answer = await get<Health>('/health')
      setHealth(answer)
      return answer.violations.length === 0 ? 'All is well.' : `${answer.violations.length} violations found.`
    })
    setIsBusy(false)
  }
  return (
    <>
      <div className="title">
        <h1>Health</h1>
        <button type="button" onClick={() => void check()} disabled={isBusy}>
          Check now
        </button>
      </div>
      <VitalsPanels />
      <p className="quiet">
        “Check now” looks for anything in the database that must never be there. It reads every live job, so it runs on
        request only.
      </p>
      {health !== null && (
        <Panel title="Invariants">
          <p className="quiet">
            {fullDate(health.checkedAt)}, in {duration(health.tookMs)}
          </p>
          {health.violations.length === 0 ? (
            <p>
              <span className="status completed">sound</span> Every invariant holds.
            </p>
          ) : (
            <>
              <p>{number(health.violations.length)} violations. Please report them as a bug, with what is below.</p>
              <ul>
                {health.violations.map(({ invariant, detail }) => (
                  <li key={`${invariant}${detail}`}>
                    <strong>{invariant}</strong>: {detail}
                  </li>
                ))}
              </ul>
            </>
          )}
        </Panel>
      )}
    </>
  )
}
