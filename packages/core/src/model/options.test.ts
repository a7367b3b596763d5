import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { isMillraceError } from '../errors.ts'
import {
  DEFAULTS,
  refuseBatchRefs,
  validateEditOptions,
  validateJobOptions,
  validateProcessorNumbers,
} from './options.ts'

const good = { jobType: 't', payload: {} }
const refused = (field: string): unknown =>
  expect.objectContaining({ code: 'OPTION_INVALID', details: expect.objectContaining({ field }) })

function outcomeOf(validate: () => void): string {
  try {
    validate()
  } catch (error) {
    return isMillraceError(error) ? error.code : String(error)
  }
  return 'accepted'
}

describe('validateJobOptions', () => {
  it.each([
    {},
    { maxAttempts: 1_000_000, priority: -2_147_483_648, timeoutMs: 315_360_000_000 },
    { priority: 2_147_483_647, retryDelay: 0.001, retryDelayMax: 315_360_000, retryBackoff: false },
    { runAt: null, tags: [], forceKillOnTimeout: true },
    { runAt: new Date('-004000-01-01') },
    { runAt: new Date('+275760-09-13') },
    { tags: Array.from({ length: 1000 }, (_, i) => `${i}`), idempotencyKey: '钥'.repeat(1000) },
    { jobType: 'x'.repeat(255), group: { id: '😀', tier: 'gold' }, tenantId: 'acme' },
    { jobType: '__proto__' },
    { idempotencyKey: 'k', keyScope: 'queue', queue: 'q', keyMode: 'replace', keyWindowMs: 315_360_000_000 },
    { idempotencyKey: 'k', keyScope: 'all', keyMode: 'reuse', keyWindowMs: 1 },
    { dependsOn: {} },
    { dependsOn: { jobIds: [], tags: [] }, maxAttempts: undefined, nonsense: undefined },
  ])('accepts %j', (options) => {
    expect(() => validateJobOptions({ ...good, ...options })).not.toThrow()
  })

  it.each([
    ['maxAttempts', 0],
    ['maxAttempts', -1],
    ['maxAttempts', NaN],
    ['maxAttempts', 1e10],
    ['maxAttempts', '3'],
    ['maxAttempts', null],
    ['priority', 1.5],
    ['priority', 2 ** 31],
    ['priority', Infinity],
    ['priority', '1'],
    ['timeoutMs', 0],
    ['timeoutMs', -1],
    ['timeoutMs', 1.5],
    ['timeoutMs', 315_360_000_001],
    ['retryDelay', -0.1],
    ['retryDelay', NaN],
    ['retryDelay', Infinity],
    ['retryDelayMax', 315_360_001],
    ['retryBackoff', 'yes'],
    ['forceKillOnTimeout', 1],
    ['runAt', '2030-01-01'],
    ['runAt', 0],
    ['runAt', new Date(NaN)],
    ['runAt', new Date('-271821-04-20')],
    ['tags', 'urgent'],
    ['tags[1]', ['a', '']],
    ['tags[0]', [5]],
    ['tags[0]', ['x'.repeat(256)]],
    ['tags', Array.from({ length: 1001 }, () => 'x')],
    ['jobType', ''],
    ['jobType', undefined],
    ['jobType', 'a\0b'],
    ['jobType', '\ud800'],
    ['jobType', 'x'.repeat(256)],
    ['idempotencyKey', 'x'.repeat(1001)],
    ['idempotencyKey', null],
    ['deadLetterJobType', ''],
    ['tenantId', 'a\u001fb'],
    ['group', 'g'],
    ['group.id', {}],
    ['group.id', { id: '\u001f' }],
    ['group.tier', { id: 'g', tier: 5 }],
    ['dependsOn', 5],
    ['dependsOn.jobIds', { jobIds: 5 }],
    ['dependsOn.jobIds', { jobIds: [1.5] }],
    ['dependsOn.tags', { tags: 'x' }],
  ])('refuses %s: %j, names the option and gives a remedy', (field, value) => {
    const name = field.replace(/[.[].*/, '')
    const validate = (): void => validateJobOptions({ ...good, [name]: value })
    expect(validate).toThrow(refused(field))
    expect(validate).toThrow(new RegExp(`^\`${field.replaceAll(/[.[\]]/g, '\\$&')}\` must be .+; got .+\\. .+\\.$`))
  })

  it.each([
    ['maxAtempts', 'maxAttempts'],
    ['MaxAttempts', 'maxAttempts'],
    ['attempts', 'maxAttempts'],
    ['delay', 'runAt'],
    ['data', 'payload'],
    ['timeout', 'timeoutMs'],
    ['groupId', 'group'],
  ])('asks about %s whether %s was meant', (name, meant) => {
    expect(() => validateJobOptions({ ...good, [name]: 1 })).toThrow(
      `\`${name}\` is not an option. Did you mean \`${meant}\`?`,
    )
  })

  it('lists the options when nothing is close', () => {
    expect(() => validateJobOptions({ ...good, constructor: 1 })).toThrow(
      /not an option\. Known options: jobType, payload/,
    )
  })

  it.each([
    [{ keyScope: 'nothing' }, 'keyScope'],
    [{ keyScope: 'queue' }, 'keyScope'],
    [{ keyScope: 'type', idempotencyKey: undefined }, 'keyScope'],
    [{ keyScope: 'all', keyMode: 'replace' }, 'keyMode'],
    [{ keyWindowMs: 0 }, 'keyWindowMs'],
    [{ keyWindowMs: 315_360_000_001 }, 'keyWindowMs'],
    [{ keyWindowMs: 1, idempotencyKey: undefined }, 'keyWindowMs'],
  ] as const)('refuses %j', (options, field) => {
    const validate = (): void => validateJobOptions({ ...good, idempotencyKey: 'k', ...options })
    expect(validate).toThrow(refused(field))
  })

  it('takes prerequisites by id and by tag, and refuses what can be neither', () => {
    for (const dependsOn of [
      { jobIds: [1] },
      { tags: ['a'] },
      { jobIds: [], tags: [] },
      { jobIds: [1], onFailure: 'run' },
    ])
      expect(() => validateJobOptions({ ...good, dependsOn })).not.toThrow()
    for (const dependsOn of [
      null,
      { jobIds: 1 },
      { jobIds: [1.5] },
      { jobIds: ['1'] },
      { tags: [''] },
      { jobIds: [1], onFailure: 'fail' },
      { ids: [1] },
      { jobIds: Array.from({ length: 100_001 }, () => 1) },
    ])
      expect(outcomeOf(() => validateJobOptions({ ...good, dependsOn }))).toBe('OPTION_INVALID')
    expect(() => refuseBatchRefs({ jobIds: [3, -1] })).toThrow('only supported in addJobs()')
    expect(() => refuseBatchRefs({ tags: ['a'] })).not.toThrow()
  })

  it('never throws anything but a typed error, whatever it is given', () => {
    const names = fc.constantFrom('jobType', 'runAt', 'tags', 'group', 'dependsOn', 'priority', 'retryDelay', 'x')
    const anything = fc.oneof(
      fc.anything({ withDate: true, withBigInt: true }),
      fc.dictionary(names, fc.anything({ withDate: true })),
    )
    fc.assert(
      fc.property(anything, (job) => {
        expect(outcomeOf(() => validateJobOptions(job))).toMatch(/^(accepted|OPTION_INVALID)$/)
      }),
    )
  })
})

describe('validateEditOptions', () => {
  it('accepts null where a field can be cleared', () => {
    const cleared = {
      runAt: null,
      timeoutMs: null,
      tags: null,
      retryDelay: null,
      retryBackoff: null,
      retryDelayMax: null,
    }
    expect(() =>
      validateEditOptions({ ...cleared, deadLetterJobType: null, payload: null, priority: undefined }),
    ).not.toThrow()
    expect(() => validateEditOptions({ maxAttempts: null })).toThrow(refused('maxAttempts'))
    expect(() => validateEditOptions({ priority: null })).toThrow(refused('priority'))
  })

  it.each(['jobType', 'idempotencyKey', 'forceKillOnTimeout', 'group', 'dependsOn', 'tenantId'])(
    'says that %s cannot be edited',
    (name) => {
      expect(() => validateEditOptions({ [name]: 'x' })).toThrow('cannot be edited')
    },
  )

  it('checks ranges and names as for a new job', () => {
    expect(() => validateEditOptions({ retryDelay: -1 })).toThrow(refused('retryDelay'))
    expect(() => validateEditOptions({ tag: ['x'] })).toThrow('Did you mean `tags`?')
    expect(() => validateEditOptions(null)).toThrow(refused('updates'))
  })
})

describe('validateProcessorNumbers', () => {
  it('accepts the defaults and what is left out', () => {
    const { batchSize, concurrency, pollInterval, leaseMs } = DEFAULTS.processor
    expect(() =>
      validateProcessorNumbers({ batchSize, concurrency, pollInterval, leaseMs, groupConcurrency: 1 }),
    ).not.toThrow()
    expect(() => validateProcessorNumbers({})).not.toThrow()
  })

  it('refuses what is out of range', () => {
    expect(() => validateProcessorNumbers({ concurrency: 0 })).toThrow(refused('concurrency'))
    expect(() => validateProcessorNumbers({ leaseMs: 1999 })).toThrow(refused('leaseMs'))
    const sentence = 'Processor option "groupConcurrency" must be a positive integer when provided.'
    for (const groupConcurrency of [0, 1.5, '2', null]) {
      expect(() => validateProcessorNumbers({ groupConcurrency })).toThrow(sentence)
    }
  })
})
