import { oneProducer, oneWorkingWorker, type ProcessFault } from './fault.ts'

/** SIGKILL of a worker, whatever it is doing; a supervisor starts another. */
export const killWorker: ProcessFault = {
  name: 'sigkill',
  kind: 'event',
  effect: 'kill',
  place: 'process',
  weight: 3,
  victims: oneWorkingWorker,
  inject: (_site, victims) => victims.forEach((victim) => victim.signal('SIGKILL')),
}

/** SIGKILL of a producer: what it was adding may or may not exist. */
export const killProducer: ProcessFault = {
  name: 'sigkill-producer',
  kind: 'event',
  effect: 'kill',
  place: 'process',
  victims: oneProducer,
  inject: (_site, victims) => victims.forEach((victim) => victim.signal('SIGKILL')),
}
