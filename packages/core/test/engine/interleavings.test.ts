import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Bench, completed, failed, released, retry } from '../../src/conformance/bench.ts'
import type { ClaimedJob } from '../../src/store/claim.ts'
import { functionFiles } from '../../src/postgres/generated/sql.ts'
import { resolveConnection } from '../../src/postgres/connection.ts'
import { PoolExecutor } from '../../src/postgres/pool-executor.ts'
import { sqlWriter } from '../../src/postgres/schema.ts'
import { createPostgresStore } from '../../src/postgres/store.ts'
import type { Store } from '../../src/store/store.ts'
import { poll } from '../support/poll.ts'
import { openPostgresTarget, type PostgresTarget } from '../support/postgres-target.ts'

const url = process.env['MILLRACE_TEST_PG18_URL']
const SCHEMA = 'interleavings'
const HOUR_MS = 3_600_000

/**
 * Where an operation can be stopped: before the text that follows the gate, in the schema of this test only. Between two gates an
 * operation is one statement, or takes no lock that another could want.
 */
const GATES: readonly { readonly gate: string; readonly file: string; readonly before: string }[] = [
  { gate: 'settle: before the jobs', file: 'exchange', before: '  if cardinality(p_ids) > 0 then v_lost' },
  { gate: 'settle: copied, not deleted', file: 'settle_completed', before: '    get diagnostics v_copied' },
  { gate: 'settle: before the places', file: 'settle_completed', before: '  if v_groups is not null then perform' },
  { gate: 'settle: before the leases', file: 'exchange', before: '  if p_closed is not null then' },
  { gate: 'claim: before the ready index', file: 'exchange', before: '  if p_limit > 0 and v_alive then' },
  { gate: 'claim: before the worker', file: 'exchange', before: '  if cardinality(v_all) > 0 then\n    -- A worker' },
  { gate: 'claim: before the lease', file: 'exchange', before: '  if v_told is null and v_token is null then return' },
  { gate: 'groups: wakes taken', file: 'groups', before: '    v_active := greatest(v_active - v_wake.places, 0);' },
  { gate: 'rescue: worker gone', file: 'rescue', before: '    v_ids := :schema.take_leases(v_worker);\n' },
  { gate: 'rescue: jobs locked', file: 'rescue', before: '  delete from :schema.leases l using' },
  { gate: 'rescue: before the ready', file: 'rescue', before: '  v_ended := cardinality(' },
  { gate: 'cancel: before the running', file: 'change_jobs', before: '  if not p_upcoming then' },
  { gate: 'retry: before the live', file: 'retry_jobs', before: '  with o as (\n    select j.id, j.lane, j.token' },
]

/** What two sessions do at the same time to the one running job, its worker, its group and its key. */
type Operation = (store: Store, scene: Scene) => Promise<unknown>

interface Scene {
  readonly job: ClaimedJob
  readonly worker: number
  readonly other: number
}

const exchange = { limit: 0, slots: 0, from: 'sweep', keepCompleted: true } as const

const OPERATIONS: Readonly<Record<string, Operation>> = {
  complete: async (store, { job, worker }) => {
    const closing = { settlements: [completed(job)], closedTokens: [job.token] }
    return (await store.exchange({ ...exchange, worker, ...closing })).settled
  },
  retry: async (store, { job, worker }) =>
    (await store.exchange({ ...exchange, worker, settlements: [retry(job, HOUR_MS)], closedTokens: [job.token] }))
      .settled,
  fail: (store, { job }) => store.settle({ settlements: [failed(job)], keepCompleted: true }),
  release: (store, { job }) => store.settle({ settlements: [released(job)], keepCompleted: true }),
  claim: async (store, { other }) =>
    (await store.exchange({ ...exchange, worker: other, settlements: [], limit: 5, slots: 5 })).jobs.map(
      ({ id }) => id,
    ),
  rescue: async (store, { other }) =>
    (await store.exchange({ ...exchange, worker: other, settlements: [], housekeeping: true })).housekeeping?.rescued,
  unregister: (store, { worker }) => store.unregister({ worker }),
  cancel: (store, { job }) => store.cancel({ id: job.id }),
  'retry by hand': (store, { job }) => store.retry({ id: job.id }),
  'add under its key': async (store) =>
    (await store.enqueue({ jobs: [{ jobType: 'work', payload: '{}', idempotencyKey: 'key', groupId: 'g' }] })).ids,
}

/** The gates that each operation passes. */
const PASSES: Readonly<Record<string, RegExp>> = {
  complete: /^settle/,
  retry: /^settle: before the (jobs|leases)/,
  claim: /^(claim|groups)/,
  rescue: /^rescue/,
  cancel: /^cancel/,
  'retry by hand': /^retry/,
}

const ROUNDS = Object.entries(PASSES).flatMap(([first, passes]) =>
  GATES.filter(({ gate }) => passes.test(gate)).flatMap(({ gate }) =>
    Object.keys(OPERATIONS).map((second) => ({ first, gate, second })),
  ),
)

describe.skipIf(url === undefined)('two sessions at the same job', { timeout: 60_000 }, () => {
  let target: PostgresTarget
  let bench: Bench
  const stopped = session('stopped', SCHEMA)
  const passing = session('passing', SCHEMA)
  const keeper = new pg.Client({ connectionString: url })

  beforeAll(async () => {
    target = await openPostgresTarget(url ?? '', SCHEMA)
    bench = new Bench(target)
    await keeper.connect()
    await keeper.query(`create function ${SCHEMA}.gate(p_name text) returns void language plpgsql as $$ begin
      if current_setting('millrace.gate', true) = p_name then perform pg_advisory_xact_lock(4907, 1); end if;
    end $$`)
    const write = sqlWriter(SCHEMA)
    for (const { name, sql } of functionFiles) {
      const gates = GATES.filter(({ file }) => file === name)
      if (gates.length > 0) await target.value(write(gates.reduce(withGate, sql)))
    }
  })
  afterAll(async () => {
    await keeper.end()
    await Promise.all([stopped.store.close(), passing.store.close()])
    await target.close()
  })

  async function prepare(expires: boolean): Promise<Scene & { readonly ids: readonly number[] }> {
    await target.reset()
    const worker = await bench.worker({ groupConcurrency: 1 })
    const other = await bench.worker({ groupConcurrency: 1 })
    const job = await bench.start(worker, { groupId: 'g', idempotencyKey: 'key' })
    // What waits for its place, what waits for nothing, and a group that a claim has to serve.
    const others = await bench.addAll([{ groupId: 'g' }, {}, { groupId: 'h' }])
    if (expires) await target.expireWorker(worker)
    const ids = [job.id, ...others]
    return { job, worker, other, ids }
  }

  /** Runs `first` up to the gate, then as much of `second` as can be, then the rest of both; their answers. */
  async function interleave(
    first: () => Promise<unknown>,
    gate: string,
    second: () => Promise<unknown>,
  ): Promise<unknown[]> {
    await keeper.query('select pg_advisory_lock(4907, 1)')
    await stopped.executor.query("select set_config('millrace.gate', $1::text, false)", [gate])
    let isFirstOver = false
    let isSecondOver = false
    const one = first().finally(() => (isFirstOver = true))
    one.catch(() => undefined)
    try {
      await poll(async () => isFirstOver || (await waiting('stopped')) === 'advisory', { every: 2, what: gate })
      expect(isFirstOver, `${gate} was passed`).toBe(false)
      const two = second().finally(() => (isSecondOver = true))
      two.catch(() => undefined)
      await poll(async () => isSecondOver || (await waiting('passing')) !== null, { every: 2, what: 'the second' })
      await keeper.query('select pg_advisory_unlock(4907, 1)')
      return await Promise.all([one, two])
    } finally {
      await keeper.query('select pg_advisory_unlock_all()')
      await one.catch(() => undefined)
    }
  }

  /** What the session waits for in the server, if for a lock. */
  async function waiting(name: string): Promise<string | null> {
    const { rows } = await keeper.query<{ event: string }>(
      "select wait_event as event from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'",
      [`${SCHEMA} ${name}`],
    )
    return rows[0]?.event ?? null
  }

  test.each(ROUNDS)('$first, stopped at "$gate", and $second', async ({ first, gate, second }) => {
    const scene = await prepare(first === 'rescue' || second === 'rescue')
    const run = (name: string, store: Store) => async (): Promise<unknown> => OPERATIONS[name]?.(store, scene)
    const [one, two] = await interleave(run(first, stopped.store), gate, run(second, passing.store))
    await bench.keepHouse(scene.other)
    expect(await target.store.checkInvariants()).toEqual([])
    await checkAnswers(scene, [
      [first, one],
      [second, two],
    ])
    await drain(scene)
    const ended = await Promise.all(scene.ids.map(async (id) => (await bench.job(id)).status))
    expect(ended[0]).toMatch(/^(completed|failed|cancelled)$/)
    // Neither the place in the group nor anything else was lost with the first.
    expect(ended.slice(1)).toEqual(['completed', 'completed', 'completed'])
    expect(await target.store.checkInvariants()).toEqual([])
  })

  /** Whoever was told that its settlement was recorded finds it recorded, and only one is told so. */
  async function checkAnswers({ job }: Scene, answers: readonly (readonly [string, unknown])[]): Promise<void> {
    const { status, errorHistory } = await bench.job(job.id)
    const isSettled = (answer: unknown): boolean => JSON.stringify(answer) === '["settled"]'
    const claims = answers.map(([name, answer]) => {
      if (name === 'complete') return [name, status === 'completed', isSettled(answer)]
      if (name === 'retry' || name === 'fail') return [name, errorHistory.length, Number(isSettled(answer))]
      return name === 'add under its key' ? [name, JSON.stringify(answer), `[${job.id}]`] : [name, true, true]
    })
    expect(claims.filter(([, found, told]) => found !== told)).toEqual([])
    // A retry and a final failure of one attempt are both its failure: a worker sends one of them, and a repeat of either is known.
    const kindOf = (name: string): string => (name === 'fail' ? 'retry' : name)
    const kinds = new Set(answers.flatMap(([name, answer]) => (isSettled(answer) ? [kindOf(name)] : [])))
    expect(kinds.size).toBeLessThanOrEqual(1)
  }

  /** Runs what is left to its end; an attempt that is still held by its first worker ends there, and only there. */
  async function drain({ job, other }: Scene): Promise<void> {
    const { status, lockedBy } = await bench.job(job.id)
    const [late] = await bench.settle(completed(job))
    const isOver = status !== 'processing' && status !== 'completed'
    expect([status, lockedBy, isOver && late === 'settled']).toEqual([status, lockedBy, false])
    const held = await target.store.leased({ worker: other, known: [] })
    await bench.settle(...held.map((claimed) => completed(claimed)))
    for (;;) {
      const claimed = await bench.claim(other)
      if (claimed.length === 0) break
      expect(claimed.filter(({ groupId }) => groupId === 'g').length).toBeLessThanOrEqual(1)
      await bench.settle(...claimed.map((next) => completed(next)))
    }
  }
})

function withGate(sql: string, { gate, before }: (typeof GATES)[number]): string {
  if (!sql.includes(before)) throw new Error(`the engine has no place for the gate "${gate}" any more`)
  return sql.replace(before, () => `  perform :schema.gate('${gate}');\n${before}`)
}

/** A store on one connection of its own. */
function session(name: string, schema: string): { readonly store: Store; readonly executor: PoolExecutor } {
  const { pool } = resolveConnection({ connectionString: url ?? 'postgres://localhost', max: 1 })
  const executor = new PoolExecutor({ settings: { ...pool, application_name: `${schema} ${name}` } })
  return { executor, store: createPostgresStore({ executor, schema }) }
}
