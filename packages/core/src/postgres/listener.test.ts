import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../model/clock.ts'
import type { Clock } from '../model/clock.ts'
import { resolveConnection } from './connection.ts'
import type { ListenClient } from './listener.ts'
import { listenClientFor, listenClientOf, listenOn, poolListen } from './listener.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

/** The system's clock, twenty times as fast: what is under test are the steps, not the waits. */
const fastClock: Clock = {
  ...systemClock,
  after: (delayMs, callback, options) => systemClock.after(delayMs / 20, callback, options),
}

/** Everything a listener reported, in order. */
function record() {
  const events: string[] = []
  return {
    events,
    onNotify: (payload: string) => void events.push(`notified ${payload}`),
    onReconnect: () => void events.push('reconnected'),
    onError: (error: Error) => void events.push('code' in error ? `failed ${String(error.code)}` : 'failed'),
  }
}

describe.skipIf(url === '')('a listener', () => {
  let admin: pg.Client
  let stop: AbortController
  let name: string

  beforeEach(async () => {
    admin = new pg.Client(url)
    await admin.connect()
    stop = new AbortController()
    name = `listener-${crypto.randomUUID()}`
  })
  afterEach(async () => {
    stop.abort()
    while ((await connections()) > 0);
    await admin.end()
  })

  async function connections(): Promise<number> {
    const found = await admin.query('select 1 from pg_stat_activity where application_name = $1', [name])
    return found.rows.length
  }

  function kill() {
    return admin.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [name])
  }

  function settings() {
    return resolveConnection({ connectionString: url, application_name: name }).pool
  }

  test('hears what is notified on its channel, whatever its name, once it has resolved', async () => {
    const channel = `A "channel" ${name}`
    const { events, ...hooks } = record()
    await listenOn({ ...hooks, channel, connect: listenClientFor(settings()), signal: stop.signal })
    await admin.query('select pg_notify($1, $2), pg_notify($3, $4)', [channel, 'x', 'another', 'y'])
    await admin.query('select pg_notify($1, null)', [channel])
    await expect.poll(() => events).toEqual(['notified x', 'notified '])
  })

  test('connects again after a lost connection, says so, and hears again', async () => {
    const { events, ...hooks } = record()
    await listenOn({
      ...hooks,
      channel: name,
      connect: listenClientFor(settings()),
      signal: stop.signal,
      clock: fastClock,
    })
    await kill()
    await expect.poll(() => events).toEqual(['failed STORE_UNAVAILABLE', 'reconnected'])
    await admin.query('select pg_notify($1, $2)', [name, 'again'])
    await expect.poll(() => events.at(-1)).toBe('notified again')
  })

  test('notices a connection that went silent', async () => {
    const { events, ...hooks } = record()
    const clients: ListenClient[] = []
    const connect = (): ListenClient => {
      const client = listenClientFor(settings())()
      clients.push(client)
      return client
    }
    await listenOn({ ...hooks, channel: name, connect, signal: stop.signal, clock: fastClock })
    const [client] = clients
    // What a forgetful firewall does: nothing is answered any more, and nothing is reset.
    if (client !== undefined) client.query = () => new Promise(() => undefined)
    await expect.poll(() => events, { timeout: 5_000 }).toEqual(['failed STORE_UNAVAILABLE', 'reconnected'])
    expect(await connections()).toBe(1)
  })

  test('keeps trying until the server can be reached, and resolves then', async () => {
    const { events, ...hooks } = record()
    const good = listenClientFor(settings())
    let failures = 3
    const connect = (): ListenClient => (failures-- > 0 ? new pg.Client('postgres://u@127.0.0.1:1/d') : good())
    await listenOn({ ...hooks, channel: name, connect, signal: stop.signal, clock: fastClock })
    expect(events).toEqual(['failed STORE_UNAVAILABLE', 'failed STORE_UNAVAILABLE', 'failed STORE_UNAVAILABLE'])
    expect(await connections()).toBe(1)
  })

  test('resolves when it is stopped before it could connect', async () => {
    const { events, ...hooks } = record()
    const connect = (): ListenClient => new pg.Client('postgres://u@127.0.0.1:1/d')
    const listening = listenOn({ ...hooks, onError: () => stop.abort(), channel: name, connect, signal: stop.signal })
    await listening
    expect(events).toEqual([])
  })

  test('connects as the pool of the user does, the hidden password included', async () => {
    const pool = new pg.Pool({ connectionString: url, application_name: name })
    const { events, ...hooks } = record()
    const listen = poolListen(pool)
    await listen?.({ ...hooks, channel: name, signal: stop.signal })
    expect(await connections()).toBe(1)
    await admin.query('select pg_notify($1, $2)', [name, 'x'])
    await expect.poll(() => events).toEqual(['notified x'])
    await pool.end()
    const withPassword = new pg.Pool({ host: 'h', password: 'secret', ssl: { key: 'k' } })
    const client: unknown = listenClientOf(withPassword)?.()
    expect(client).toMatchObject({ host: 'h', password: 'secret', ssl: expect.objectContaining({ key: 'k' }) })
  })
})

test('a pool that does not tell how to connect has no listener', () => {
  expect(poolListen({ connect: () => Promise.reject(new Error('unused')) })).toBeUndefined()
  expect(poolListen({ connect: () => Promise.reject(new Error('unused')), options: { max: 3 } })).toBeUndefined()
})
