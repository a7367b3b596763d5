import { isMillraceError } from '../../src/errors.ts'
import type { ExchangeOptions, ExchangeResult } from '../../src/store/claim.ts'
import type { Store } from '../../src/store/store.ts'
import type { Sabotage } from './scenario.ts'

/** The store as a runtime with the given mistake would use it. */
export function sabotaged(store: Store, sabotage: Sabotage | undefined): Store {
  if (sabotage === 'settlements dropped')
    return overridden(store, { exchange: (options) => exchangeCarelessly(store, options) })
  return sabotage === 'claims forgotten' ? overridden(store, { leased: () => Promise.resolve([]) }) : store
}

function overridden(store: Store, verbs: Partial<Store>): Store {
  return new Proxy(store, { get: (target, name) => Reflect.get(name in verbs ? verbs : target, name) })
}

async function exchangeCarelessly(store: Store, options: ExchangeOptions): Promise<ExchangeResult> {
  try {
    return await store.exchange(options)
  } catch (error) {
    const isUnknown = isMillraceError(error) && error.details.outcome === 'unknown'
    if (!isUnknown || options.settlements.length === 0) throw error
    return { jobs: [], settled: options.settlements.map(() => 'settled'), alive: true }
  }
}
