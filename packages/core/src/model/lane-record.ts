/** A group or a queue with jobs in it, as it is now. */
export interface LaneRecord {
  readonly kind: 'group' | 'queue'
  /** As the jobs were given it. */
  readonly name: string
  readonly tenantId: string | null
  /** How many may be ready or running at once; `null`: no limit. */
  readonly limit: number | null
  /** How many have a place: they run, are ready, or hold it between two attempts. */
  readonly active: number
  /** How many run. */
  readonly running: number
  /** Those that run, oldest first; at most 20. */
  readonly holders: readonly number[]
  /** How many wait for a place, counted to 1,000. */
  readonly waiting: number
  /** Whether more wait than were counted. */
  readonly isWaitingBounded: boolean
  /** Who gets the next place; `null` if nobody waits. */
  readonly nextId: number | null
}
