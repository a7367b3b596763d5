import { describe, expect, it, vi } from 'vitest'
import { QUEUE_EVENT_NAMES, QueueEvents } from './events.ts'

type Spy = (...given: unknown[]) => unknown

const ADDED = { jobId: 7, jobType: 'email' }

describe('QueueEvents', () => {
  it('calls every listener of an event, in the order of registration, with its data', () => {
    const events = new QueueEvents()
    const calls: unknown[] = []
    events.on('job:added', (data) => calls.push(['first', data]))
    events.on('job:added', (data) => calls.push(['second', data]))
    events.emit('job:added', ADDED)
    expect(calls).toEqual([
      ['first', ADDED],
      ['second', ADDED],
    ])
  })

  it('calls a `once` listener once, also when it emits the event itself', () => {
    const events = new QueueEvents()
    const listener = vi.fn<Spy>(() => events.emit('job:added', ADDED))
    events.once('job:added', listener)
    events.emit('job:added', ADDED)
    events.emit('job:added', ADDED)
    expect(listener).toHaveBeenCalledTimes(1)
    expect(events.hasListeners('job:added')).toBe(false)
  })

  it('removes one registration at a time, of `on` and of `once`', () => {
    const events = new QueueEvents()
    const listener = vi.fn<Spy>()
    events.on('job:added', listener)
    events.once('job:added', listener)
    events.off('job:added', listener)
    events.emit('job:added', ADDED)
    events.emit('job:added', ADDED)
    expect(listener).toHaveBeenCalledTimes(2)
    events.off('job:added', listener)
    events.off('job:added', listener)
    expect(events.hasListeners('job:added')).toBe(false)
  })

  it('lets a listener add and remove listeners while it is called', () => {
    const events = new QueueEvents()
    const late = vi.fn<Spy>()
    const removed = vi.fn<Spy>()
    events.on('job:added', () => {
      events.on('job:added', late)
      events.off('job:added', removed)
    })
    events.on('job:added', removed)
    events.emit('job:added', ADDED)
    expect(late).not.toHaveBeenCalled()
    expect(removed).toHaveBeenCalledTimes(1)
  })

  it('removes all listeners of one event, or of all', () => {
    const events = new QueueEvents()
    for (const name of QUEUE_EVENT_NAMES) events.on(name, () => undefined)
    events.removeAllListeners('job:failed')
    expect(QUEUE_EVENT_NAMES.filter((name) => !events.hasListeners(name))).toEqual(['job:failed'])
    events.removeAllListeners()
    expect(QUEUE_EVENT_NAMES.some((name) => events.hasListeners(name))).toBe(false)
  })

  it('emits what a listener throws as `error` and calls the others', () => {
    const events = new QueueEvents()
    const errors: Error[] = []
    const other = vi.fn<Spy>()
    events.on('error', (error) => errors.push(error))
    events.on('job:added', () => {
      throw new Error('listener')
    })
    events.on('job:added', () => {
      // oxlint-disable-next-line typescript/only-throw-error -- It happens.
      throw 'text'
    })
    events.on('job:added', other)
    events.emit('job:added', ADDED)
    expect(other).toHaveBeenCalledTimes(1)
    expect(errors.map((error) => error.message)).toEqual(['listener', 'A listener threw something that is no Error.'])
    expect(errors[1]?.cause).toBe('text')
  })

  it('emits what a listener rejects with as `error`', async () => {
    const events = new QueueEvents()
    const rejected = new Promise<Error>((resolve) => events.on('error', resolve))
    events.on('job:added', () => Promise.reject(new Error('later')))
    events.emit('job:added', ADDED)
    expect((await rejected).message).toBe('later')
  })

  it('hands an error nobody can be told of to the fallback, and survives a fallback that throws', () => {
    const onListenerError = vi.fn<Spy>(() => {
      throw new Error('fallback')
    })
    const events = new QueueEvents({ onListenerError })
    const failure = new Error('listener')
    const throwing = (): never => {
      throw failure
    }
    events.on('job:added', throwing)
    events.emit('job:added', ADDED)
    events.on('error', throwing)
    events.emit('job:added', ADDED)
    expect(onListenerError.mock.calls).toEqual([[failure], [failure]])
  })

  it('drops an `error` that nobody listens to', () => {
    const onListenerError = vi.fn<Spy>()
    new QueueEvents({ onListenerError }).emit('error', new Error('alone'))
    expect(onListenerError).not.toHaveBeenCalled()
  })
})
