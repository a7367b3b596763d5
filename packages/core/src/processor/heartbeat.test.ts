import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../model/clock.ts'
import { createGate } from '../testing/gate.ts'
import { Heartbeat, type HeartbeatOptions } from './heartbeat.ts'

const url = process.env['MILLRACE_TEST_PG18_URL']

/** Long enough for a thread to start and connect on a busy machine, short enough for a test. */
const LEASE_MS = 600
const schema = `heartbeat "${randomUUID()}`

function createHeartbeat(options: Partial<HeartbeatOptions> = {}): {
  heartbeat: Heartbeat
  errors: Error[]
  lost: Promise<void>
  beats: number[]
} {
  const errors: Error[] = []
  const beats: number[] = []
  const lost = createGate()
  const heartbeat = new Heartbeat({
    clock: systemClock,
    onLost: lost.open,
    onError: (error) => errors.push(error),
    onBeat: (durationMs) => beats.push(durationMs),
    ...options,
  })
  return { heartbeat, errors, lost: lost.promise, beats }
}

/** What a handler does that blocks the event loop. */
function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

describe.skipIf(url === undefined)('Heartbeat, with a thread', () => {
  let pool: pg.Pool
  const target = { connection: { connectionString: url }, schema }

  beforeAll(async () => {
    pool = new pg.Pool({ connectionString: url, max: 1 })
    const name = pg.escapeIdentifier(schema)
    await pool.query(`create schema ${name}`)
    await pool.query(`create table ${name}.beats (worker bigint, lease_ms integer, application text)`)
    await pool.query(`create function ${name}.heartbeat(bigint, integer) returns boolean language sql as $$
      insert into ${name}.beats values ($1, $2, current_setting('application_name'));
      select $1 <> 13
    $$`)
  })

  afterAll(async () => {
    await pool.query(`drop schema ${pg.escapeIdentifier(schema)} cascade`)
    await pool.end()
  })

  async function beatsOf(worker: number): Promise<number> {
    const { rows } = await pool.query<{ beats: number }>(
      `select count(*)::integer as beats from ${pg.escapeIdentifier(schema)}.beats where worker = $1 and lease_ms = ${LEASE_MS}`,
      [worker],
    )
    return rows[0]?.beats ?? 0
  }

  it('extends the lease while a handler blocks the main thread', async () => {
    const { heartbeat, errors } = createHeartbeat()
    heartbeat.start({ target, worker: 1, leaseMs: LEASE_MS })
    block(2_000)
    await heartbeat.stop()
    expect(await beatsOf(1)).toBeGreaterThanOrEqual(2)
    expect(errors).toEqual([])
  })

  it('opens no connection while the main thread keeps up', async () => {
    const { heartbeat } = createHeartbeat()
    heartbeat.start({ target, worker: 2, leaseMs: LEASE_MS })
    for (let round = 0; round < 20; round++) {
      block(50)
      heartbeat.beaten()
    }
    await heartbeat.stop()
    expect(await beatsOf(2)).toBe(0)
  })

  it('extends the lease at once when the main thread says that it could not', async () => {
    const { heartbeat, beats } = createHeartbeat()
    // Far from overdue: only what it is told can make the thread beat.
    heartbeat.start({ target, worker: 7, leaseMs: 60_000 })
    heartbeat.failed()
    await expect.poll(() => beats.length, { timeout: 10_000 }).toBe(1)
    await heartbeat.stop()
  })

  it('lets the lease of a handler run out that blocks beyond its time limit', async () => {
    const { heartbeat } = createHeartbeat()
    heartbeat.start({ target, worker: 3, leaseMs: LEASE_MS })
    heartbeat.setDeadline(100)
    block(1_500)
    await heartbeat.stop()
    expect(await beatsOf(3)).toBe(0)
  })

  it('tells the main thread when the store has given the leases away, and stops', async () => {
    const { heartbeat, lost } = createHeartbeat()
    heartbeat.start({ target, worker: 13, leaseMs: LEASE_MS })
    block(1_500)
    expect(heartbeat.isLost).toBe(true)
    await lost
    expect(await beatsOf(13)).toBe(1)
    await heartbeat.stop()
  })

  it('goes on over a new connection when the server has closed the one it had', async () => {
    const { heartbeat } = createHeartbeat()
    heartbeat.start({ target, worker: 4, leaseMs: LEASE_MS })
    block(1_500)
    const before = await beatsOf(4)
    await pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'millrace heartbeat'`,
    )
    block(1_500)
    await heartbeat.stop()
    expect(before).toBeGreaterThanOrEqual(1)
    expect(await beatsOf(4)).toBeGreaterThan(before)
  })

  it('tries again several times a lease for as long as nobody can be reached', async () => {
    const tries: number[] = []
    const enough = createGate()
    const server = createServer((socket) => {
      tries.push(performance.now())
      socket.destroy()
      if (tries.length === 9) enough.open()
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const { heartbeat } = createHeartbeat()
    const leaseMs = 3_000
    heartbeat.start({ target: { connection: { host: '127.0.0.1', port, user: 'nobody' }, schema }, worker: 7, leaseMs })
    await enough.promise
    await heartbeat.stop()
    server.close()
    // Pauses grow to a sixth of the lease: the shortest is free of whatever else the machine has to do.
    const pauses = tries.slice(6).map((at, n) => at - (tries[n + 5] ?? at))
    expect(Math.min(...pauses)).toBeLessThan(0.75 * (leaseMs / 3))
  })

  it('reports once that it cannot reach the server, and stops at once even then', async () => {
    const unreachable = { connection: { host: '127.0.0.1', port: 1 }, schema }
    const reported = createGate<Error>()
    const errors: Error[] = []
    const { heartbeat } = createHeartbeat({
      onError: (error) => {
        errors.push(error)
        reported.open(error)
      },
    })
    heartbeat.start({ target: unreachable, worker: 5, leaseMs: LEASE_MS })
    block(1_500)
    expect((await reported.promise).message).toMatch(/could not extend the lease: .*ECONNREFUSED/)
    await heartbeat.stop()
    expect(errors).toHaveLength(1)
  })
})

describe('Heartbeat, without a thread', () => {
  it('does nothing with mode `main`', async () => {
    const { heartbeat } = createHeartbeat({ mode: 'main' })
    heartbeat.start({ target: { connection: {}, schema: 'millrace' }, worker: 1, leaseMs: LEASE_MS })
    heartbeat.beaten()
    heartbeat.tick()
    heartbeat.setDeadline(5)
    await heartbeat.stop()
    expect(heartbeat.mode).toBe('main')
    expect(heartbeat.isLost).toBe(false)
  })
})
