import type { StoreVitals } from 'millrace'
import { durationText, shortened } from '../text.ts'
import type { Check } from './check.ts'

export interface VitalsLimits {
  /** In milliseconds. */
  readonly maxTransaction: number
  /** In transactions, of 2,000 million. */
  readonly maxXidAge: number
}

/** A server's clock decides when jobs are due; what this far from it adds jobs for a time, adds them for another one. */
const SKEW_MS = 5000
/** Share of the server's connections. */
const CONNECTIONS = 0.9
/** Dead rows that a table may have, besides as many as live ones. */
const DEAD_ROWS = 100_000
/** Share of the memory that the server may take. */
const MEMORY = 0.9

/** What hurts every queue on this server sooner or later. Pure. */
export function checkVitals(vitals: StoreVitals, { maxTransaction, maxXidAge }: VitalsLimits): readonly Check[] {
  const { oldestTransaction: oldest, connections, xminAge, clockSkewMs } = vitals
  const checks: Check[] = []
  if (oldest !== null) {
    const detail = `the oldest is open for ${durationText(oldest.ageMs)} (${shortened(oldest.application, 40) || 'unnamed'}, ${oldest.state})`
    const next =
      'end it: until then nothing that was deleted is reclaimed, and claims get slower (pg_stat_activity shows whose it is)'
    checks.push(finding('transactions', { detail, next }, oldest.ageMs > maxTransaction))
  }
  if (connections !== null && connections.max !== null) {
    const detail = `${connections.used} of ${connections.max} connections are used`
    const next = 'smaller pools, or a pooler: docs/operate/connections.md'
    checks.push(finding('connections', { detail, next }, connections.used > connections.max * CONNECTIONS))
  }
  if (vitals.maxBytes !== null) {
    const detail = `${megabytes(vitals.bytes)} of ${megabytes(vitals.maxBytes)} MB are used`
    const next = 'when it is full no job can be added: raise maxmemory, or keep less (millrace prune)'
    checks.push(finding('memory', { detail, next }, vitals.bytes > vitals.maxBytes * MEMORY))
  }
  const bloated = vitals.tables.filter(({ deadRows, liveRows }) => deadRows > DEAD_ROWS + liveRows)
  const names = bloated.map(({ name, deadRows }) => `${name} (${deadRows})`)
  const dead = { detail: bloated.length === 0 ? 'vacuum keeps pace' : `dead rows in ${names.join(', ')}` }
  checks.push(
    finding('vacuum', { ...dead, next: 'is autovacuum on, and is a transaction open for long?' }, bloated.length > 0),
  )
  if (xminAge !== null && xminAge > maxXidAge) {
    const detail = `the oldest transaction that must still be seen is ${xminAge} transactions old`
    checks.push({
      name: 'transaction ids',
      ok: false,
      detail,
      next: 'look for forgotten replication slots and prepared transactions',
    })
  }
  const skew = `the server's is ${durationText(Math.abs(clockSkewMs))} ${clockSkewMs < 0 ? 'behind' : 'ahead'}`
  checks.push(
    finding(
      'clocks',
      { detail: skew, next: 'set this machine’s clock, or the server’s' },
      Math.abs(clockSkewMs) > SKEW_MS,
    ),
  )
  return checks
}

function megabytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1)
}

function finding(
  name: string,
  { detail, next }: { readonly detail: string; readonly next: string },
  isBad: boolean,
): Check {
  return isBad ? { name, ok: false, detail, next } : { name, ok: true, detail }
}
