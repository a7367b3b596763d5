import { oneWorker, type ProcessFault } from './fault.ts'

/** SIGTERM: the worker drains and leaves, as on a deploy; a supervisor starts another. */
export const drain: ProcessFault = {
  name: 'sigterm',
  kind: 'event',
  effect: 'terminate',
  place: 'process',
  victims: oneWorker,
  inject: (_site, victims) => victims.forEach((victim) => victim.signal('SIGTERM')),
}
