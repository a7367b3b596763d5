import { badJobs } from './bad-jobs.js'
import { draftJob, makeJob } from './job.js'
/** Keys are few, so that producers meet at them. */
const KEYS = 4000
/** Makes the operations of one producer, one by one, for as long as somebody asks. */
export class OperationSource {
  #source
  #made = 0
  constructor(source) {
    this.#source = source
  }
  next() {
    const { random, load } = this.#source
    const kinds = [
      [60, () => ({ do: 'add', job: this.#job() })],
      [10, () => this.#sameKey()],
      [5, () => ({ do: 'add-all', jobs: this.#jobs(random.integer(2, 15)) })],
      [8, () => this.#inTransaction()],
      [4, () => ({ do: 'cancel', back: random.integer(0, 40) })],
      [10, () => ({ do: 'look', back: random.integer(0, 60) })],
      [3, () => ({ do: 'retry', back: random.integer(0, 60) })],
      [3, () => ({ do: 'edit', back: random.integer(0, 10), edit: this.#edit() })],
    ]
    if (load.abuse) kinds.push([5, () => ({ do: 'add-bad', bad: random.pick(badJobs(this.#ref())) })])
    return random.weighted(kinds)()
  }
  #ref() {
    return `${this.#source.name}-${this.#made++}`
  }
  #job(more = {}) {
    const { random, load, leaseMs } = this.#source
    return makeJob(this.#ref(), { ...draftJob(random, load, leaseMs), ...more }, random)
  }
  #jobs(count) {
    return Array.from({ length: count }, () => this.#job())
  }
  #sameKey() {
    const { random } = this.#source
    const key = `key ${random.integer(1, KEYS)}`
    return { do: 'add-same', jobs: Array.from({ length: random.integer(1, 4) }, () => this.#job({ key })) }
  }
  #inTransaction() {
    const { random } = this.#source
    return {
      do: 'add-in-tx',
      jobs: this.#jobs(random.integer(1, 3)),
      end: random.chance(0.7) ? 'commit' : 'rollback',
      over: random.chance(0.5) ? 'queue' : 'client',
    }
  }
  #edit() {
    const { random } = this.#source
    return random.pick([
      { field: 'priority', value: random.integer(-5, 5) },
      { field: 'delayMs', value: random.integer(0, 3000) },
      { field: 'maxAttempts', value: random.integer(20, 30) },
    ])
  }
}
//# sourceMappingURL=operation.js.map
