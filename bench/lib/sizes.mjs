/** How much of everything: in full, and only enough to see that it works. */

export const FULL = {
  sliceMs: 2000,
  warmUpMs: 500,
  bulkRows: 1000,
  drain: 100_000,
  drainBoxMs: 20_000,
  deepDrain: 50_000,
  pending: 1_000_000,
  future: 500_000,
  finished: 1_000_000,
  /** More than 2,000, after those that warm up. */
  latencies: 2100,
  latencyWarmUp: 100,
  steadyPerSecond: 2000,
  steadyWarmUpMs: 3000,
  steadyMs: 30_000,
  pinnedMs: 60_000,
  windowMs: 10_000,
  idleSettleMs: 8000,
  idleMs: 60_000,
}

export const QUICK = {
  ...FULL,
  sliceMs: 300,
  warmUpMs: 100,
  drain: 5000,
  drainBoxMs: 3000,
  deepDrain: 2000,
  pending: 20_000,
  future: 20_000,
  finished: 10_000,
  latencies: 60,
  latencyWarmUp: 10,
  steadyPerSecond: 500,
  steadyWarmUpMs: 500,
  steadyMs: 2000,
  pinnedMs: 3000,
  windowMs: 1000,
  idleSettleMs: 1000,
  idleMs: 3000,
}
