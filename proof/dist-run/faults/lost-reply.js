import { everyProcess } from './fault.js'
/** The server does what it was asked, and the connection breaks before the answer arrives: commit unknown. */
export const loseReplies = {
  name: 'lost-reply',
  kind: 'event',
  effect: 'connection',
  place: 'network',
  weight: 2,
  holdMs: () => [1500, 4000],
  victims: everyProcess,
  inject({ random }, victims) {
    const share = 0.05 + random.next() * 0.25
    for (const { proxy } of victims) proxy.weather.loseReplies = share
    return () => {
      for (const { proxy } of victims) proxy.weather.loseReplies = 0
    }
  },
}
//# sourceMappingURL=lost-reply.js.map
