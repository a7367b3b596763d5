import { checkText, isRecord, refuseOption } from './check.ts'

/**
 * What an add does with a job that has its key already. In any mode but `'reuse'` a job that runs or has ended is left
 * alone, and the key passes to a new job.
 *
 * - `'reuse'`: nothing; its id is answered, whatever became of it.
 * - `'replace'`: a job that waits takes everything over, the due time included, and starts from its first attempt.
 * - `'preserveRunAt'`: the same, but a job that has not been tried keeps its due time.
 * - `'debounce'`: a job that waits takes the payload over, and the due time if it is later; the rest stays.
 */
export type KeyMode = 'reuse' | 'replace' | 'preserveRunAt' | 'debounce'

const KEY_MODES: readonly unknown[] = ['reuse', 'replace', 'preserveRunAt', 'debounce'] satisfies KeyMode[]

/**
 * The name of a queue, whose jobs run one after the other, by priority and age, wherever workers are. With
 * `retries: 'pass'` others run while the job waits for its next attempt; else (`'hold'`) its queue waits with it.
 */
export type QueueOption = string | { readonly name: string; readonly retries?: 'hold' | 'pass' | undefined }

/** Stores put it between tenant and group or key, so neither of the first two may hold it. */
const SEPARATOR = '\u001f'
/** And this one before the name of a queue, so that no group can be taken for one. */
const QUEUE_MARK = '\u001e'

/** Throws `OPTION_INVALID` unless `value` is a text that can be a part of a stored key. */
export function checkScope(field: string, value: unknown): asserts value is string {
  checkText(field, value)
  if (value.includes(SEPARATOR) || value.includes(QUEUE_MARK)) {
    refuseOption(field, value, 'text without U+001E and U+001F', 'Use another separator')
  }
}

export function checkKeyMode(mode: unknown, key: unknown): void {
  if (!KEY_MODES.includes(mode)) {
    return refuseOption(
      'keyMode',
      mode,
      "'reuse', 'replace', 'preserveRunAt' or 'debounce'",
      "Leave it out for 'reuse'",
    )
  }
  if (key === undefined) refuseOption('keyMode', mode, 'beside an `idempotencyKey`', 'Give the job a key')
}

export function checkQueue(queue: unknown, group: unknown): void {
  if (group !== undefined) refuseOption('queue', queue, 'left out beside `group`', 'A job is in a queue or in a group')
  if (typeof queue === 'string') return checkScope('queue', queue)
  if (!isRecord(queue)) {
    return refuseOption('queue', queue, 'a name or an object', "Pass `'…'` or `{ name, retries }`")
  }
  checkScope('queue.name', queue['name'])
  const { retries = 'hold' } = queue
  if (retries !== 'hold' && retries !== 'pass') {
    refuseOption('queue.retries', retries, "'hold' or 'pass'", "Leave it out for 'hold'")
  }
}
