import { oneProcess } from './fault.js'
import { repeat } from './repeat.js'
/** All connections of one process are reset at once, again and again. */
export const cut = {
  name: 'cut',
  kind: 'event',
  effect: 'connection',
  place: 'network',
  holdMs: () => [500, 2500],
  victims: oneProcess,
  inject: ({ random }, victims) => repeat(() => victims.forEach(({ proxy }) => proxy.cut()), random.integer(150, 600)),
}
//# sourceMappingURL=cut.js.map
