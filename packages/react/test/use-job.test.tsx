// @vitest-environment jsdom
import { act, StrictMode } from 'react'
import type { ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import type { Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DataqueueProvider, useJob, useJobs, useQueueStats } from '../src/index.ts'
import type { FollowedJob, JobState, UseJobOptions, UseJobResult } from '../src/index.ts'

interface Job extends FollowedJob {
  readonly id: number
}

const job = (id: number, status: JobState, more: Partial<Job> = {}): Job => ({ id, status, ...more })

let root: Root
let shown: UseJobResult<Job> | undefined

function Follow({ id, options }: { id: number | null; options?: UseJobOptions<Job> | undefined }): ReactNode {
  shown = useJob<Job>(id, options)
  return <p>{shown.status}</p>
}

const render = (node: ReactNode): Promise<void> => act(async () => root.render(node))
const pass = (ms: number): Promise<void> => act(async () => void (await vi.advanceTimersByTimeAsync(ms)))

beforeEach(() => {
  Reflect.set(globalThis, 'IS_REACT_ACT_ENVIRONMENT', true)
  vi.useFakeTimers()
  root = createRoot(document.body.appendChild(document.createElement('div')))
})
afterEach(async () => {
  await act(async () => root.unmount())
  if (vi.getTimerCount() > 0) throw new Error('a hook left a timer behind')
  vi.useRealTimers()
  setHidden(false)
})

function setHidden(isHidden: boolean): void {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden })
  document.dispatchEvent(new Event('visibilitychange'))
}

describe('useJob', () => {
  test('follows a job to its end, and then asks no more', async () => {
    const answers = [
      job(1, 'pending'),
      job(1, 'processing', { progress: 40 }),
      job(1, 'completed', { output: { n: 1 } }),
    ]
    const fetcher = vi.fn<() => Promise<Job>>(() => Promise.resolve(answers.shift() ?? job(1, 'failed')))
    const changes: string[] = []
    const done: Job[] = []
    const options: UseJobOptions<Job> = {
      fetcher,
      onStatusChange: (now, before) => changes.push(`${before} > ${now}`),
      onComplete: (ended) => done.push(ended),
    }
    await render(<Follow id={1} options={options} />)
    expect(shown).toMatchObject({ status: 'pending', isLoading: false, error: null })
    await pass(1000)
    expect(shown).toMatchObject({ status: 'processing', progress: 40 })
    await pass(60_000)
    expect(shown).toMatchObject({ status: 'completed', output: { n: 1 }, data: { id: 1 } })
    expect(fetcher).toHaveBeenCalledTimes(3)
    expect(changes).toEqual(['null > pending', 'pending > processing', 'processing > completed'])
    expect(done).toHaveLength(1)
  })

  test('with a new function at every render it asks once an interval, and not at all after the end', async () => {
    let calls = 0
    let status: JobState = 'processing'
    const inline = (): ReactNode => (
      <Follow
        id={1}
        options={{
          fetcher: () => {
            calls += 1
            return Promise.resolve(job(1, status, { progress: calls }))
          },
        }}
      />
    )
    await render(inline())
    for (let second = 0; second < 10; second++) {
      await pass(1000)
      await render(inline())
    }
    expect(calls).toBe(11)
    status = 'completed'
    await pass(1000)
    for (let n = 0; n < 5; n++) await render(inline())
    await pass(10_000)
    expect(calls).toBe(12)
  })

  test('a failure that is tried again is not the end', async () => {
    const answers = [
      job(1, 'failed', { nextAttemptAt: '2027-01-01T00:00:00Z' }),
      job(1, 'processing'),
      job(1, 'completed'),
    ]
    const onFailed = vi.fn<(failed: Job) => void>()
    const onComplete = vi.fn<(ended: Job) => void>()
    const options = { fetcher: () => Promise.resolve(answers.shift() ?? null), onFailed, onComplete }
    await render(<Follow id={1} options={options} />)
    expect(shown).toMatchObject({ status: 'failed', isRetrying: true })
    await pass(2000)
    expect(shown).toMatchObject({ status: 'completed', isRetrying: false })
    expect([onFailed.mock.calls.length, onComplete.mock.calls.length]).toEqual([0, 1])
  })

  test('a final failure is told once', async () => {
    const onFailed = vi.fn<(failed: Job) => void>()
    const fetcher = vi.fn<() => Promise<Job>>(() => Promise.resolve(job(1, 'failed', { nextAttemptAt: null })))
    await render(
      <StrictMode>
        <Follow id={1} options={{ fetcher, onFailed }} />
      </StrictMode>,
    )
    await pass(5000)
    expect(onFailed).toHaveBeenCalledTimes(1)
  })

  test('a fetcher with one parameter is called with one', async () => {
    const asked: unknown[][] = []
    const fetcher = (...args: unknown[]): Promise<Job> => {
      asked.push(args)
      return Promise.resolve(job(1, 'completed'))
    }
    await render(<Follow id={1} options={{ fetcher }} />)
    expect(asked).toEqual([[1]])
  })

  test('an answer that comes late for the former job is not shown', async () => {
    const waiting = new Map<number, (answer: Job) => void>()
    const signals: AbortSignal[] = []
    const fetcher = (id: number, signal: AbortSignal): Promise<Job> => {
      signals.push(signal)
      return new Promise((resolve) => waiting.set(id, resolve))
    }
    await render(<Follow id={1} options={{ fetcher }} />)
    await render(<Follow id={2} options={{ fetcher }} />)
    expect(signals[0]?.aborted).toBe(true)
    await act(async () => waiting.get(2)?.(job(2, 'processing')))
    await act(async () => waiting.get(1)?.(job(1, 'completed')))
    expect(shown?.data).toEqual(job(2, 'processing'))
    await render(<Follow id={null} options={{ fetcher }} />)
    expect(shown).toMatchObject({ data: null, status: null, isLoading: false })
  })

  test('without an id, without a fetcher or disabled nothing is asked', async () => {
    const fetcher = vi.fn<() => Promise<Job>>(() => Promise.resolve(job(1, 'pending')))
    await render(<Follow id={null} options={{ fetcher }} />)
    await render(<Follow id={1} />)
    await render(<Follow id={1} options={{ fetcher, enabled: false }} />)
    await pass(5000)
    expect(fetcher).not.toHaveBeenCalled()
    await render(<Follow id={1} options={{ fetcher, enabled: true }} />)
    expect(fetcher).toHaveBeenCalledTimes(1)
  })

  test('takes fetcher and interval from the provider, and its own before those', async () => {
    const outer = vi.fn<(id: number) => Promise<Job>>((id) => Promise.resolve(job(id, 'pending')))
    const own = vi.fn<(id: number) => Promise<Job>>((id) => Promise.resolve(job(id, 'processing')))
    const below = (options?: UseJobOptions<Job>): ReactNode => (
      <DataqueueProvider fetcher={outer} pollingInterval={200}>
        <Follow id={3} options={options} />
      </DataqueueProvider>
    )
    await render(below())
    await pass(400)
    expect(outer).toHaveBeenCalledTimes(3)
    await render(below({ fetcher: own, pollingInterval: 5000 }))
    await pass(4000)
    expect(own.mock.calls.length).toBeLessThanOrEqual(1)
    expect(shown?.status).toBe('processing')
  })

  test('one request at a time, and fewer while they fail', async () => {
    let running = 0
    let most = 0
    let calls = 0
    const fetcher = async (): Promise<Job> => {
      calls += 1
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => void setTimeout(resolve, 2500))
      running -= 1
      throw new Error('the server is down')
    }
    await render(<Follow id={1} options={{ fetcher }} />)
    await pass(3000)
    expect(shown?.error?.message).toBe('the server is down')
    await pass(60_000)
    expect(most).toBe(1)
    expect(calls).toBeLessThan(8)
  })

  test('asks nothing while the page is hidden, and at once when it is shown', async () => {
    const fetcher = vi.fn<() => Promise<Job>>(() => Promise.resolve(job(1, 'processing')))
    await render(<Follow id={1} options={{ fetcher }} />)
    await act(async () => setHidden(true))
    await pass(30_000)
    expect(fetcher).toHaveBeenCalledTimes(1)
    await act(async () => setHidden(false))
    expect(fetcher).toHaveBeenCalledTimes(2)
  })

  test('a push makes it ask at once', async () => {
    let push: (() => void) | undefined
    const subscribe = (onChange: () => void): (() => void) => {
      push = onChange
      return () => void (push = undefined)
    }
    const fetcher = vi.fn<() => Promise<Job>>(() => Promise.resolve(job(1, 'processing')))
    await render(<Follow id={1} options={{ fetcher, subscribe, pollingInterval: 60_000 }} />)
    await act(async () => push?.())
    expect(fetcher).toHaveBeenCalledTimes(2)
    await render(<Follow id={null} options={{ fetcher, subscribe }} />)
    expect(push).toBeUndefined()
  })

  test('while a stream is open it asks for what is pushed, and no stream is kept for a page that is hidden', async () => {
    let open: ((isOpen: boolean) => void) | undefined
    const subscribe = (_onChange: () => void, onOpen: (isOpen: boolean) => void): (() => void) => {
      open = onOpen
      return () => void (open = undefined)
    }
    const fetcher = vi.fn<() => Promise<Job>>(() => Promise.resolve(job(1, 'processing')))
    await render(<Follow id={1} options={{ fetcher, subscribe }} />)
    await act(async () => open?.(true))
    fetcher.mockClear()
    await pass(29_000)
    expect(fetcher).not.toHaveBeenCalled()
    await pass(1000)
    expect(fetcher).toHaveBeenCalledTimes(1)
    await act(async () => open?.(false))
    await pass(3000)
    expect(fetcher).toHaveBeenCalledTimes(5)
    await act(async () => setHidden(true))
    expect(open).toBeUndefined()
    await act(async () => setHidden(false))
    expect(open).toBeDefined()
  })
})

describe('useJobs and useQueueStats', () => {
  test('ask again and again, and begin anew with the key', async () => {
    const asked: string[] = []
    function List({ status }: { status: string }): ReactNode {
      const jobs = useJobs(status, {
        fetcher: () => {
          asked.push(status)
          return Promise.resolve([status])
        },
      })
      const stats = useQueueStats({ fetcher: () => Promise.resolve({ ready: 3 }) })
      return <p>{`${jobs.data?.join(',')} ${stats.data?.ready}`}</p>
    }
    await render(<List status="failed" />)
    await pass(1000)
    expect(document.body.textContent).toContain('failed 3')
    await render(<List status="completed" />)
    expect(asked).toEqual(['failed', 'failed', 'completed'])
    expect(document.body.textContent).toContain('completed 3')
  })
})
