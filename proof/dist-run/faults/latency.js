import { everyProcess } from './fault.js'
/** 20 to 200 ms more in each direction, with jitter, for every process. */
export const latency = {
  name: 'latency',
  kind: 'event',
  effect: 'slow',
  place: 'network',
  holdMs: () => [2000, 6000],
  victims: everyProcess,
  inject({ random }, victims) {
    const delayMs = random.integer(20, 200)
    for (const { proxy } of victims) Object.assign(proxy.weather, { delayMs, jitterMs: delayMs / 2 })
    return () => {
      for (const { proxy } of victims) Object.assign(proxy.weather, { delayMs: 0, jitterMs: 0 })
    }
  },
}
//# sourceMappingURL=latency.js.map
