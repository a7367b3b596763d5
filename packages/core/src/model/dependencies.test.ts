import { describe, expect, it } from 'vitest'
import { batchDepRef, normalizeDependsOn, resolveDependsOnJobIdsForBatch, tagsAreSuperset } from './dependencies.ts'

describe('batchDepRef', () => {
  it('is the negative of the position counted from 1', () => {
    expect([batchDepRef(0), batchDepRef(5)]).toEqual([-1, -6])
  })

  it.each([
    [-1, '-1'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    ['2', '"2"'],
  ])('refuses %j', (index, got) => {
    expect(() => Reflect.apply(batchDepRef, undefined, [index])).toThrow(
      `batchDepRef: expected non-negative integer index, got ${got}`,
    )
  })

  it('is undone by resolveDependsOnJobIdsForBatch', () => {
    expect(resolveDependsOnJobIdsForBatch([batchDepRef(1), 77, batchDepRef(0)], [10, 11])).toEqual([11, 77, 10])
    expect(() => resolveDependsOnJobIdsForBatch([batchDepRef(2)], [10, 11])).toThrow(
      'Invalid batch-relative job id -3: index 2 out of range for 2 inserted job(s)',
    )
  })
})

it('normalizeDependsOn removes duplicates and treats empty lists as none', () => {
  expect(normalizeDependsOn({ jobIds: [2, 1, 2], tags: [] })).toEqual({ jobIds: [2, 1], tags: undefined })
  expect(normalizeDependsOn()).toEqual({ jobIds: undefined, tags: undefined })
})

it('tagsAreSuperset wants every required tag, and at least one', () => {
  expect(tagsAreSuperset(['a', 'b', 'c'], ['c', 'a'])).toBe(true)
  expect(tagsAreSuperset(['a'], ['a', 'b'])).toBe(false)
  expect(tagsAreSuperset(['a'], [])).toBe(false)
  expect(tagsAreSuperset(null, ['a'])).toBe(false)
  expect(tagsAreSuperset(['a'], undefined)).toBe(false)
})
