import type { StoreVitals } from 'millrace'
import { expect, it } from 'vitest'
import { checkVitals } from './vitals.ts'

const well: StoreVitals = {
  kind: 'postgres',
  version: '18.4',
  bytes: 1,
  maxBytes: null,
  tables: [{ name: 'jobs', bytes: 1, indexBytes: 1, liveRows: 200_000, deadRows: 250_000, vacuumedAt: null }],
  connections: { used: 90, max: 100 },
  oldestTransaction: { ageMs: 1000, state: 'active', application: 'app' },
  xminAge: 400_000_000,
  clockSkewMs: -4000,
}

const findings = (change: Partial<StoreVitals>): string[] =>
  checkVitals({ ...well, ...change }, { maxTransaction: 1000, maxXidAge: 500_000_000 }).flatMap(({ name, ok, next }) =>
    ok ? [] : [`${name}: ${next === undefined ? 'nothing to do' : 'told what to do'}`],
  )

it('a database within its limits is well', () => {
  expect(findings({})).toEqual([])
  expect(findings({ connections: null, oldestTransaction: null, xminAge: null, tables: [] })).toEqual([])
})

it.each<[string, Partial<StoreVitals>]>([
  ['transactions', { oldestTransaction: { ageMs: 1001, state: 'idle in transaction', application: '' } }],
  ['connections', { connections: { used: 91, max: 100 } }],
  ['vacuum', { tables: well.tables.map((table) => ({ ...table, deadRows: 300_001 })) }],
  ['memory', { bytes: 91, maxBytes: 100 }],
  ['transaction ids', { xminAge: 500_000_001 }],
  ['clocks', { clockSkewMs: 5001 }],
  ['clocks', { clockSkewMs: -5001 }],
])('what is beyond one is found, and what to do: %s', (name, change) => {
  expect(findings(change)).toEqual([`${name}: told what to do`])
})
