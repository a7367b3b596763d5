export function oneWorker({ random, workers }) {
  return [random.pick(workers.running())]
}
export function oneProducer({ random, producers }) {
  return [random.pick(producers.running())]
}
/** Mostly a worker. */
export function oneProcess(site) {
  return site.random.chance(0.75) ? oneWorker(site) : oneProducer(site)
}
export function everyProcess({ workers, producers }) {
  return [...workers.running(), ...producers.running()]
}
//# sourceMappingURL=fault.js.map
