import { oneProcess } from './fault.js'
/** One process has a line of 8 to 64 kB a second. */
export const throttle = {
  name: 'throttle',
  kind: 'event',
  effect: 'slow',
  place: 'network',
  holdMs: () => [2000, 5000],
  victims: oneProcess,
  inject({ random }, victims) {
    const bytesPerSecond = random.integer(8, 64) * 1024
    for (const { proxy } of victims) proxy.weather.bytesPerSecond = bytesPerSecond
    return () => {
      for (const { proxy } of victims) proxy.weather.bytesPerSecond = 0
    }
  },
}
//# sourceMappingURL=throttle.js.map
