import { oneWorker } from './fault.js'
/** SIGTERM: the worker drains and leaves, as on a deploy; a supervisor starts another. */
export const drain = {
  name: 'sigterm',
  kind: 'event',
  effect: 'terminate',
  place: 'process',
  victims: oneWorker,
  inject: (_site, victims) => victims.forEach((victim) => victim.signal('SIGTERM')),
}
//# sourceMappingURL=drain.js.map
