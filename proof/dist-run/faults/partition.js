import { oneProcess } from './fault.js'
/**
 * One process is cut off for up to three leases: bytes of both directions are kept back, and delivered when the network
 * heals, so that the commit that was under way arrives late.
 */
export const partition = {
  name: 'partition',
  kind: 'event',
  effect: 'cut',
  place: 'network',
  holdMs: (leaseMs) => [leaseMs * 0.5, leaseMs * 3],
  victims: oneProcess,
  inject(_site, victims) {
    for (const { proxy } of victims) proxy.weather.isParted = true
    return () => {
      for (const { proxy } of victims) proxy.heal()
    }
  },
}
//# sourceMappingURL=partition.js.map
