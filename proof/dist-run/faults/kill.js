import { oneProducer, oneWorker } from './fault.js'
/** SIGKILL of a worker, whatever it is doing; a supervisor starts another. */
export const killWorker = {
  name: 'sigkill',
  kind: 'event',
  effect: 'kill',
  place: 'process',
  weight: 3,
  victims: oneWorker,
  inject: (_site, victims) => victims.forEach((victim) => victim.signal('SIGKILL')),
}
/** SIGKILL of a producer: what it was adding may or may not exist. */
export const killProducer = {
  name: 'sigkill-producer',
  kind: 'event',
  effect: 'kill',
  place: 'process',
  victims: oneProducer,
  inject: (_site, victims) => victims.forEach((victim) => victim.signal('SIGKILL')),
}
//# sourceMappingURL=kill.js.map
