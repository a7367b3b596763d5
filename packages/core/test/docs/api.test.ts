import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as millrace from '../../src/index.ts'

const page = readFileSync(new URL('../../../../docs/reference/api.md', import.meta.url), 'utf8')

/** Names in the page's code spans, such as `addJob(job, { db }?)`. */
const named = new Set(page.match(/`[^`\n]+`/g)?.flatMap((span) => span.match(/\w+/g) ?? []))

it('names every value that the package exports', () => {
  expect(Object.keys(millrace).filter((name) => !named.has(name))).toEqual([])
})

it('names every method of a queue, a processor and a supervisor', () => {
  const queue = millrace.initJobQueue({ backend: 'pglite' })
  const methods = [
    ...Object.keys(queue),
    ...methodsOf(queue.createProcessor({})),
    ...methodsOf(queue.createSupervisor()),
  ]
  // Between the processor and its queue.
  const inside = ['constructor', 'wake', 'dueIn', 'isFiring']
  expect(methods.filter((name) => !named.has(name) && !inside.includes(name))).toEqual([])
})

function methodsOf(object: object): string[] {
  return Object.getOwnPropertyNames(Object.getPrototypeOf(object))
}
