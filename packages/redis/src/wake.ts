import type { Store, Wake } from 'millrace/store'
import type { RedisInstance } from './instance.ts'
import { toStoreError } from './store-error.ts'

type Listening = Parameters<Store['listen']>[0]

/** Listens on a connection of its own, which a subscription needs for itself; ioredis subscribes again after a loss. */
export async function listenOn(instance: RedisInstance, { onWake, onError, signal }: Listening): Promise<void> {
  const channel = `${instance.prefix}wake`
  const client = instance.client.duplicate({ enableOfflineQueue: true, lazyConnect: true, maxRetriesPerRequest: null })
  const ending = new AbortController()
  ending.signal.addEventListener('abort', () => client.disconnect(), { once: true })
  // By the signal and by the end of the instance, which often follow on each other: the second has nothing to end.
  const close = (): void => ending.abort()
  if (signal.aborted) return
  signal.addEventListener('abort', close, { once: true })
  instance.client.once('end', close)
  let wasReady = false
  client.on('error', (error: Error) => {
    if (!signal.aborted) onError(toStoreError(error, 'subscribe', 'unsent'))
  })
  client.on('message', (_channel: string, message: string) => {
    const wake = parseWake(message)
    if (wake !== null && !signal.aborted) onWake(wake)
  })
  client.on('ready', () => {
    // What was sent while the connection was gone is gone too: look everywhere.
    if (wasReady) onWake({ kind: 'ready', priorities: [] })
    wasReady = true
  })
  try {
    await client.subscribe(channel)
  } catch (error) {
    if (!signal.aborted) throw toStoreError(error, 'subscribe', 'unsent')
  }
}

/** `r` and levels ("r0,5"; "r" alone: any), `c` and a job id, or `s`. Anything else comes from a newer version and is ignored. */
function parseWake(message: string): Wake | null {
  const rest = message.slice(1)
  if (message.startsWith('r'))
    return { kind: 'ready', priorities: rest === '' ? [] : rest.split(',').map(Number).filter(Number.isInteger) }
  if (message.startsWith('c') && /^\d+$/.test(rest)) return { kind: 'cancel', jobId: Number(rest) }
  return message === 's' ? { kind: 'schedules' } : null
}
