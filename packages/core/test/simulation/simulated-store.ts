import type { Store } from '../../src/store/store.ts'
import type { CallTraits, Network } from './network.ts'
import { EPOCH } from './process.ts'
import type { ReferenceStore } from './reference-store.ts'

type SimulatedVerb =
  | 'enqueue'
  | 'findEnqueued'
  | 'wake'
  | 'register'
  | 'unregister'
  | 'exchange'
  | 'heartbeat'
  | 'leased'
  | 'settle'
  | 'report'
  | 'cancel'
  | 'retry'
  | 'reclaimStuck'
  | 'cleanupJobs'
  | 'cleanupEvents'
  | 'upkeep'
  | 'recordMetrics'
  | 'storeTime'

type Simulated = Pick<
  Store,
  SimulatedVerb | 'kind' | 'features' | 'parallelism' | 'heartbeatTarget' | 'listen' | 'close'
>

/** The store as one process reaches it: every verb is a call over that process's network. */
export function simulatedStore(store: ReferenceStore, network: Network, connections: number): Store {
  const call = <T>(verb: SimulatedVerb, traits: Omit<CallTraits, 'verb'>, effect: () => T): Promise<T> =>
    network.call({ verb, ...traits }, effect)
  const repeatable = { mayBeLate: true, isRepeatable: true }
  const once = { mayBeLate: true, isRepeatable: false }
  const simulated: Simulated = {
    kind: 'postgres',
    features: { callerTransactions: false, push: true, multiProcess: true, steps: true, explain: false, pauses: false },
    parallelism: connections,
    heartbeatTarget: null,
    listen: () => Promise.resolve(),
    close: () => Promise.resolve(),
    enqueue: (options) => call('enqueue', { mayBeLate: false, isRepeatable: false }, () => store.enqueue(options)),
    findEnqueued: ({ nonce, sinceId }) => call('findEnqueued', repeatable, () => store.findEnqueued(nonce, sinceId)),
    wake: ({ priorities }) => call('wake', repeatable, () => store.wake(priorities)),
    register: (options) => call('register', once, () => store.register(options)),
    unregister: ({ worker }) => call('unregister', repeatable, () => store.unregister(worker)),
    exchange: (options) => call('exchange', options.limit > 0 ? once : repeatable, () => store.exchange(options)),
    heartbeat: ({ worker, leaseMs }) => call('heartbeat', repeatable, () => store.heartbeat(worker, leaseMs)),
    leased: ({ worker, known }) => call('leased', repeatable, () => store.leased(worker, known)),
    settle: ({ settlements }) => call('settle', repeatable, () => store.settle(settlements)),
    report: ({ reports }) => call('report', repeatable, () => store.report(reports)),
    cancel: ({ id }) => call('cancel', once, () => store.cancel(id)),
    retry: ({ id }) => call('retry', once, () => store.retry(id)),
    reclaimStuck: () => call('reclaimStuck', repeatable, () => store.reclaimStuck()),
    cleanupJobs: () => call('cleanupJobs', repeatable, () => 0),
    cleanupEvents: () => call('cleanupEvents', repeatable, () => 0),
    recordMetrics: () => call('recordMetrics', once, () => EPOCH + store.now),
    storeTime: () => call('storeTime', repeatable, () => new Date(EPOCH + store.now)),
    upkeep: () => call('upkeep', repeatable, () => undefined),
  }
  return complete(simulated)
}

/** Whatever else a store can do has no part in the worker runtime; to be asked for it is a mistake of the simulation. */
function complete(simulated: Simulated): Store {
  return new Proxy(simulated, {
    get(target, name) {
      // A promise that resolves with the store asks for `then`.
      if (name in target || name === 'then' || typeof name === 'symbol') return Reflect.get(target, name)
      throw new Error(`the simulation has no \`${name}\``)
    },
  }) as Store
}
