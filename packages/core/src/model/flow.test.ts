import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planFlow } from './flow.ts'

const node = (...nodes: string[]) => ({ jobType: 'work', payload: null, dependsOn: { nodes } })

describe('planFlow', () => {
  it('puts each node after those it waits for, and refers to them by their place', () => {
    const { names, jobs } = planFlow({
      last: node('left', 'right'),
      left: node('first'),
      right: node('first'),
      first: node(),
    })
    expect(names).toEqual(['first', 'left', 'right', 'last'])
    expect(jobs.map(({ dependsOn }) => dependsOn?.jobIds)).toEqual([[], [-1], [-1], [-2, -3]])
  })

  it('keeps what else a node waits for', () => {
    const dependsOn = { nodes: ['a'], jobIds: [7], tags: ['t'], onFailure: 'run' as const }
    const { jobs } = planFlow({ a: node(), b: { jobType: 'work', payload: null, dependsOn } })
    expect(jobs[1]?.dependsOn).toEqual({ jobIds: [-1, 7], tags: ['t'], onFailure: 'run' })
  })

  it('names the path of a cycle, and a node that is not there', () => {
    expect(() => planFlow({ a: node('c'), b: node('a'), c: node('b') })).toThrow('a → c → b → a')
    expect(() => planFlow({ a: node('a') })).toThrow('a → a')
    expect(() => planFlow({ a: node('nope') })).toThrow('"nope"')
    expect(() => planFlow({ a: node('toString') })).toThrow('"toString"')
  })

  it('orders a chain of 50,000 in a moment', () => {
    const chain = Object.fromEntries(
      Array.from({ length: 50_000 }, (_, n) => [`n${n}`, n === 0 ? node() : node(`n${n - 1}`)]),
    )
    const backwards = Object.fromEntries(Object.entries(chain).toReversed())
    expect(planFlow(backwards).names[0]).toBe('n0')
  })

  it('answers every acyclic graph with an order in which all references point back', () => {
    const graphs = fc.array(fc.array(fc.nat(), { maxLength: 5 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(graphs, fc.infiniteStream(fc.nat()), (edges, order) => {
        const entries = edges.map((before, at) => {
          const names = at === 0 ? [] : [...new Set(before.map((other) => `n${other % at}`))]
          return [`n${at}`, node(...names)] as const
        })
        const ranked = entries
          .map((entry) => [order.next().value, entry] as const)
          .toSorted(([a], [b]) => Number(a) - Number(b))
        const { names, jobs } = planFlow(Object.fromEntries(ranked.map(([, entry]) => entry)))
        expect(names.length).toBe(edges.length)
        jobs.forEach(({ dependsOn }, at) => {
          for (const id of dependsOn?.jobIds ?? []) expect(-id - 1).toBeLessThan(at)
        })
      }),
    )
  })
})
