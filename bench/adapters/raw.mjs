/**
 * Hand-written SQL, the yardstick: no priorities, no retries, no leases, no history, nothing to recover a lost worker's
 * jobs with. Named statements on connections of its own; a worker claims batches with `update … for update skip locked`
 * and deletes what it has done.
 *
 * Variants: `bound` starts each claim at the place where the last one ended, with a full look once a second; `one-trip`
 * deletes the last batch in the statement that claims the next one.
 */
import pg from 'pg'

const BATCH = 500
/** Connections of one worker: while one runs its handlers the others wait for the database. */
const LANES = 2
const POLL_MS = 1000
/** Claims of the `bound` variant start this long before the oldest job of the last one. */
const TRAIL_MS = 500
const SWEEP_MS = 1000

const SCHEMA = `
  create table job (
    id bigint generated always as identity primary key,
    type text not null,
    payload jsonb not null,
    run_at timestamptz not null default now(),
    locked_at timestamptz
  );
  create index job_ready on job (run_at, id) where locked_at is null;
`

const INSERT = {
  name: 'add',
  text: `insert into job (type, payload) values ('noop', $1) returning id`,
}
const INSERT_AND_WAKE = {
  name: 'add_and_wake',
  text: `with added as (insert into job (type, payload) values ('noop', $1) returning id) select id, pg_notify('job', '') from added`,
}
const INSERT_MANY = {
  name: 'add_many',
  text: `insert into job (type, payload, run_at) select 'noop', p, coalesce($2, now()) from unnest($1::jsonb[]) p returning id`,
}
const INSERT_MANY_AND_WAKE = {
  name: 'add_many_and_wake',
  text: `with added as (insert into job (type, payload, run_at) select 'noop', p, coalesce($2, now()) from unnest($1::jsonb[]) p returning id),
    woken as (select pg_notify('job', '')) select id from added, woken`,
}
const CLAIM = {
  name: 'claim',
  text: `update job set locked_at = now()
    where id = any(array(
      select id from job where locked_at is null and run_at <= now() and run_at >= $2
      order by run_at, id limit $1 for update skip locked))
    returning id, payload, run_at`,
}
const FINISH_AND_CLAIM = {
  name: 'finish_and_claim',
  text: `with finished as (delete from job where id = any($3)) ${CLAIM.text}`,
}
const FINISH = { name: 'finish', text: 'delete from job where id = any($1)' }

/** @param {string} variant @returns {import('./index.mjs').Adapter} */
export function createAdapter(variant) {
  return {
    async prepare(url) {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      await client.query(SCHEMA)
      await client.end()
    },
    openProducer,
    openWorker: (url, options, handle) => openWorker(url, options, { handle, variant }),
    unfinished: 'select count(*) from job',
  }
}

/** @param {string} url @param {import('./index.mjs').ProducerOptions} options @returns {Promise<import('./index.mjs').Producer>} */
async function openProducer(url, { connections, wake }) {
  const pool = new pg.Pool({ connectionString: url, min: connections, max: connections, idleTimeoutMillis: 0 })
  return {
    addOne: (payload) => pool.query({ ...(wake ? INSERT_AND_WAKE : INSERT), values: [JSON.stringify(payload)] }),
    addMany: (payloads, runAt) =>
      pool.query({
        ...(wake ? INSERT_MANY_AND_WAKE : INSERT_MANY),
        values: [payloads.map((payload) => JSON.stringify(payload)), runAt ?? null],
      }),
    close: () => pool.end(),
  }
}

/**
 * @param {string} url
 * @param {import('./index.mjs').WorkerOptions} options
 * @param {{ handle: (payload: import('./index.mjs').Payload) => void; variant: string }} what
 * @returns {Promise<import('./index.mjs').Worker>}
 */
async function openWorker(url, { concurrency, produce }, { handle, variant }) {
  const added = createBell()
  const more = createBell()
  let stopping = false
  const listener = await connect(url)
  listener.on('notification', added.ring)
  await listener.query('listen job')
  const producer = produce ? await openProducer(url, { connections: 1, wake: true }) : undefined
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    const client = await connect(url)
    // The first lane listens and polls; the others run while there is more than one batch.
    const bell = lane === 0 ? added : more
    const take = variant === 'one-trip' ? takeInOneTrip(client) : takeInTwo(client, variant === 'bound')
    while (!stopping) {
      const heard = bell.rings()
      const count = await take((rows) => runAll(rows, concurrency, handle))
      if (count === BATCH) more.ring()
      if (count === 0 && !stopping) await bell.wait(heard, lane === 0 ? POLL_MS : 3_600_000)
    }
    if (variant === 'one-trip') await take()
    await client.end()
  })
  return {
    ...(producer && { producer }),
    async close() {
      stopping = true
      added.ring()
      more.ring()
      await Promise.all(lanes)
      await producer?.close()
      await listener.end()
    },
  }
}

/** Wakes whoever waits; what rings during a claim is not lost. */
function createBell() {
  /** @type {Set<() => void>} */
  const waiting = new Set()
  let rings = 0
  return {
    rings: () => rings,
    ring: () => {
      rings++
      for (const wake of waiting) wake()
    },
    /** Until it rings for the first time after `heard`, or `ms` later. @param {number} heard @param {number} ms */
    wait: (heard, ms) =>
      new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
        if (rings !== heard) return resolve()
        const wake = () => {
          clearTimeout(timer)
          waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, ms)
        waiting.add(wake)
      }),
  }
}

/** @typedef {(rows: any[]) => Promise<unknown>} Work */

/** Claims a batch, works it, deletes it. @param {pg.Client} client @param {boolean} bound */
function takeInTwo(client, bound) {
  let from = new Date(0)
  let sweptAt = 0
  /** @param {Work} [work] */
  return async (work) => {
    if (bound && performance.now() - sweptAt > SWEEP_MS) {
      from = new Date(0)
      sweptAt = performance.now()
    }
    const { rows } = await client.query({ ...CLAIM, values: [BATCH, from] })
    if (rows.length === 0) return 0
    await work?.(rows)
    await client.query({ ...FINISH, values: [rows.map(({ id }) => id)] })
    if (bound) from = new Date(rows.reduce((least, row) => Math.min(least, row.run_at), Number.MAX_VALUE) - TRAIL_MS)
    return rows.length
  }
}

/** Deletes the last batch while it claims the next; the call without `work` only deletes. @param {pg.Client} client */
function takeInOneTrip(client) {
  /** @type {string[]} */
  let done = []
  /** @param {Work} [work] */
  return async (work) => {
    const { rows } = await client.query({ ...FINISH_AND_CLAIM, values: [work ? BATCH : 0, new Date(0), done] })
    await work?.(rows)
    done = rows.map(({ id }) => id)
    return rows.length
  }
}

/** @param {string} url */
async function connect(url) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

/** At most `concurrency` handlers at once. @param {any[]} rows @param {number} concurrency @param {(payload: any) => void} handle */
async function runAll(rows, concurrency, handle) {
  let next = 0
  const handler = async (/** @type {any} */ payload) => handle(payload)
  const runner = async () => {
    for (let row = rows[next++]; row; row = rows[next++]) await handler(row.payload)
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, rows.length) }, runner))
}
