import { describe, expect, it } from 'vitest'
import { validateFilters } from './filters.ts'

const at = new Date(5)

describe('validateFilters', () => {
  it('drops what is undefined and spells the rest out', () => {
    expect(validateFilters(undefined)).toStrictEqual({})
    expect(validateFilters({ jobType: undefined, priority: 0, cursor: 0 })).toStrictEqual({ priority: 0, cursor: 0 })
    expect(validateFilters({ runAt: at, createdAt: { gte: at, lt: undefined } })).toStrictEqual({
      runAt: { eq: at },
      createdAt: { gte: at },
    })
    expect(
      validateFilters({ tags: { values: ['a'] }, status: ['failed', 'waiting'], jobType: ['x'], final: true }),
    ).toStrictEqual({
      tags: { values: ['a'], mode: 'all' },
      status: ['failed', 'waiting'],
      jobType: ['x'],
      final: true,
    })
  })

  it.each([
    [{ jobtype: 'x' }, 'jobtype'],
    [{ state: 'failed' }, 'state'],
    [{ status: 'done' }, 'status'],
    [{ status: ['failed', 'done'] }, 'status[1]'],
    [{ jobType: '' }, 'jobType'],
    [{ priority: '1' }, 'priority'],
    [{ runAt: '2030' }, 'runAt'],
    [{ runAt: { after: at } }, 'after'],
    [{ runAt: { gt: 5 } }, 'runAt.gt'],
    [{ createdAt: new Date(NaN) }, 'createdAt'],
    [{ tags: ['a'] }, 'tags'],
    [{ tags: { values: ['a'], mode: 'some' } }, 'tags.mode'],
    [{ tags: { values: [5] } }, 'tags.values[0]'],
    [{ cursor: -1 }, 'cursor'],
    [{ final: 'yes' }, 'final'],
    [{ tenantId: '' }, 'tenantId'],
    ['x', 'filters'],
  ])('refuses %j', (filters, field) => {
    expect(() => validateFilters(filters)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', details: expect.objectContaining({ field }) }),
    )
  })
})
