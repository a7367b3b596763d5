import { oneWorker } from './fault.js'
/** SIGSTOP for less than the lease: its jobs stay its own. */
export const freezeShortly = {
  name: 'sigstop-short',
  kind: 'event',
  effect: 'stall',
  place: 'process',
  holdMs: (leaseMs) => [leaseMs * 0.1, leaseMs * 0.5],
  victims: oneWorker,
  inject: (_site, victims) => freeze(victims),
}
/** SIGSTOP for longer than the lease, then SIGCONT: a worker that does not know it was given up. */
export const freezePastLease = {
  name: 'sigstop',
  kind: 'event',
  effect: 'stall',
  place: 'process',
  weight: 2,
  holdMs: (leaseMs) => [leaseMs * 1.2, leaseMs * 2.5],
  victims: oneWorker,
  inject: (_site, victims) => freeze(victims),
}
function freeze(victims) {
  for (const victim of victims) victim.signal('SIGSTOP')
  return () => {
    for (const victim of victims) victim.signal('SIGCONT')
  }
}
//# sourceMappingURL=freeze.js.map
