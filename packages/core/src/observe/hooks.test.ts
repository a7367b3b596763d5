import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { Hooks, type HookEvent } from './hooks.ts'

type Spy = (...given: unknown[]) => unknown

const RESCUE: HookEvent = { type: 'rescue', jobs: 2 }

describe('Hooks', () => {
  it('is active only while somebody listens', () => {
    const hooks = new Hooks()
    expect(hooks.isActive).toBe(false)
    const unsubscribe = hooks.subscribe(() => undefined)
    expect(hooks.isActive).toBe(true)
    unsubscribe()
    unsubscribe()
    expect(hooks.isActive).toBe(false)
  })

  it('gives every event to every subscription, a function subscribed twice included', () => {
    const hooks = new Hooks()
    const listener = vi.fn<Spy>()
    const unsubscribe = hooks.subscribe(listener)
    hooks.subscribe(listener)
    hooks.emit(RESCUE)
    unsubscribe()
    hooks.emit(RESCUE)
    expect(listener.mock.calls).toEqual([[RESCUE], [RESCUE], [RESCUE]])
  })

  it('contains what a listener throws or rejects with', async () => {
    const failures: unknown[] = []
    let told = (): void => undefined
    const both = new Promise<void>((resolve) => {
      told = resolve
    })
    const hooks = new Hooks({
      onListenerError: (thrown) => {
        failures.push(thrown)
        if (failures.length === 2) told()
        throw new Error('fallback')
      },
    })
    hooks.subscribe(() => {
      throw new Error('now')
    })
    hooks.subscribe(() => Promise.reject(new Error('later')))
    const other = vi.fn<Spy>()
    hooks.subscribe(other)
    hooks.emit(RESCUE)
    await both
    expect(other).toHaveBeenCalledTimes(1)
    expect(failures).toEqual([new Error('now'), new Error('later')])
  })

  it('knows the events that the reference lists, and no others', () => {
    const source = readFileSync(new URL('hooks.ts', import.meta.url), 'utf8')
    const page = readFileSync(new URL('../../../../docs/reference/hooks.md', import.meta.url), 'utf8')
    const declared = [...source.matchAll(/readonly type: '([\w.]+)'/g)].map((match) => match[1])
    const documented = [...page.matchAll(/^\| `([\w.]+)` \|/gm)].map((match) => match[1])
    expect(documented).toEqual(declared)
  })
})
