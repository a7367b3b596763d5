import { setTimeout as sleep } from 'node:timers/promises'
/** Does `act` again and again until healed. What it rejects with ends it, and rejects the healing. */
export function repeat(act, everyMs) {
  const stop = new AbortController()
  const ended = (async () => {
    while (!stop.signal.aborted) {
      await act()
      await sleep(everyMs)
    }
  })()
  // Told to whoever heals; until then nobody waits for it.
  ended.catch(() => undefined)
  return () => {
    stop.abort()
    return ended
  }
}
//# sourceMappingURL=repeat.js.map
