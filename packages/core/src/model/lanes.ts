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

/**
 * What a key is unique within: its tenant, or there its job type or its queue, or everything. Jobs of one text under two scopes do not
 * meet.
 */
export type KeyScope = 'tenant' | 'type' | 'queue' | 'all'

const KEY_SCOPES: readonly unknown[] = ['tenant', 'type', 'queue', 'all'] satisfies KeyScope[]

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

/** Throws `OPTION_INVALID` unless `keyScope` fits the other options of the job. */
export function checkKeyScope(
  scope: unknown,
  { key, mode, queue }: { readonly key: unknown; readonly mode: unknown; readonly queue: unknown },
): void {
  if (!KEY_SCOPES.includes(scope)) {
    refuseOption('keyScope', scope, "'tenant', 'type', 'queue' or 'all'", "Leave it out for 'tenant'")
  }
  if (key === undefined) refuseOption('keyScope', scope, 'beside an `idempotencyKey`', 'Give the job a key')
  if (scope === 'queue' && queue === undefined) {
    refuseOption('keyScope', scope, "'queue' for a job with a `queue` only", 'Give the job a queue')
  }
  if (scope === 'all' && mode !== undefined && mode !== 'reuse') {
    refuseOption('keyMode', mode, "'reuse' with `keyScope: 'all'`", 'It could change a job of another tenant')
  }
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
