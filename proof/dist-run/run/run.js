var __addDisposableResource =
  (this && this.__addDisposableResource) ||
  function (env, value, async) {
    if (value !== null && value !== void 0) {
      if (typeof value !== 'object' && typeof value !== 'function') throw new TypeError('Object expected.')
      var dispose, inner
      if (async) {
        if (!Symbol.asyncDispose) throw new TypeError('Symbol.asyncDispose is not defined.')
        dispose = value[Symbol.asyncDispose]
      }
      if (dispose === void 0) {
        if (!Symbol.dispose) throw new TypeError('Symbol.dispose is not defined.')
        dispose = value[Symbol.dispose]
        if (async) inner = dispose
      }
      if (typeof dispose !== 'function') throw new TypeError('Object not disposable.')
      if (inner)
        dispose = function () {
          try {
            inner.call(this)
          } catch (e) {
            return Promise.reject(e)
          }
        }
      env.stack.push({ value: value, dispose: dispose, async: async })
    } else if (async) {
      env.stack.push({ async: true })
    }
    return value
  }
var __disposeResources =
  (this && this.__disposeResources) ||
  (function (SuppressedError) {
    return function (env) {
      function fail(e) {
        env.error = env.hasError ? new SuppressedError(e, env.error, 'An error was suppressed during disposal.') : e
        env.hasError = true
      }
      var r,
        s = 0
      function next() {
        while ((r = env.stack.pop())) {
          try {
            if (!r.async && s === 1) return ((s = 0), env.stack.push(r), Promise.resolve().then(next))
            if (r.dispose) {
              var result = r.dispose.call(r.value)
              if (r.async)
                return (
                  (s |= 2),
                  Promise.resolve(result).then(next, function (e) {
                    fail(e)
                    return next()
                  })
                )
            } else s |= 1
          } catch (e) {
            fail(e)
          }
        }
        if (s === 1) return env.hasError ? Promise.reject(env.error) : Promise.resolve()
        if (env.hasError) throw env.error
      }
      return next()
    }
  })(
    typeof SuppressedError === 'function'
      ? SuppressedError
      : function (error, suppressed, message) {
          var e = new Error(message)
          return ((e.name = 'SuppressedError'), (e.error = error), (e.suppressed = suppressed), e)
        },
  )
import { setTimeout as sleep } from 'node:timers/promises'
import { readHistory } from '../history/read-history.js'
import { monotonicMs, Recorder } from '../history/recorder.js'
import { conduct } from './conductor.js'
import { BUSINESS_TABLE, SCHEMA } from './database.js'
import { PgliteBackend } from './pglite-backend.js'
import { PostgresBackend } from './postgres-backend.js'
import { Processes } from './processes.js'
import { Random } from './random.js'
import { makeSchedule } from './schedule.js'
import { defaultSettings } from './settings.js'
import { stateOf } from './state.js'
/** Short, so that a run of a minute sees many of them end. */
export const LEASE_MS = 3000
/** What the promises allow between the end of the faults and the end of the last job, with room for a slow machine. */
const QUIET_MS = 90_000
const SHAPE = {
  concurrency: 8,
  groupConcurrency: 2,
  pollMs: 500,
  heartbeatMs: LEASE_MS / 3,
  drainMs: 10_000,
}
/** One run: a store, processes, load, faults, quiet, and a last look at everything. Its history is in `folder`. */
export async function run(options) {
  const env_1 = { stack: [], error: void 0, hasError: false }
  try {
    const { seed, store, version, folder } = options
    const settings = defaultSettings({ store, seed, leaseMs: LEASE_MS, version })
    const random = new Random(seed)
    const durationMs = options.minutes * 60_000
    const schedule = makeSchedule(random, { ...options, durationMs, leaseMs: LEASE_MS })
    arrange(settings, schedule)
    const recorder = __addDisposableResource(env_1, Recorder.open(folder, 'harness', 'harness'), false)
    recorder.record({ type: 'run', params: paramsOf(options, settings, schedule) })
    const backend =
      store === 'pglite' ? await PgliteBackend.start(folder) : await PostgresBackend.start(settings, folder)
    try {
      const processes = await Processes.create({ ...options, settings, backend, recorder, shape: SHAPE })
      try {
        return await new Running(options, { schedule, recorder, backend, processes }).toTheEnd(durationMs)
      } finally {
        await processes.close()
      }
    } finally {
      await backend.stop()
    }
  } catch (e_1) {
    env_1.error = e_1
    env_1.hasError = true
  } finally {
    __disposeResources(env_1)
  }
}
function arrange(settings, { conditions, steps }) {
  for (const fault of new Set([...conditions, ...steps.map((step) => step.fault)])) fault.arrange?.(settings)
}
function paramsOf(options, settings, { conditions, steps }) {
  return {
    seed: options.seed,
    store: options.store,
    faults: [...new Set([...conditions, ...steps.map(({ fault }) => fault)].map(({ name }) => name))],
    leaseMs: LEASE_MS,
    sweepMs: 1000,
    pollMs: SHAPE.pollMs,
    beatMs: SHAPE.heartbeatMs,
    heartbeat: options.store === 'pglite' ? 'main' : 'thread',
    maxRunMs: LEASE_MS * 2 + 500,
    drainMs: SHAPE.drainMs,
    poolSize: settings.poolSize,
    groupLimit: SHAPE.groupConcurrency,
    slackMs: 1500,
  }
}
class Running {
  #options
  #parts
  #injected = new Map()
  #problems = []
  constructor(options, parts) {
    this.#options = options
    this.#parts = parts
  }
  async toTheEnd(durationMs) {
    const env_2 = { stack: [], error: void 0, hasError: false }
    try {
      const { recorder, processes, schedule, backend } = this.#parts
      const conditions = schedule.conditions.map(({ name }) => name)
      for (const { name, effect } of schedule.conditions) {
        recorder.record({ type: 'fault', id: name, name, effect, phase: 'begin' })
      }
      processes.workers.start()
      processes.producers.start()
      const clock = __addDisposableResource(env_2, new ClockReader(backend, recorder), true)
      await this.#underFaults(durationMs)
      recorder.record({ type: 'quiet' })
      await this.#stop('producers')
      await clock.read()
      await this.#lookAround()
      await clock.read()
      recorder.record({ type: 'finished' })
      const problems = [...this.#problems, ...processes.surprises]
      const serverLog = problems.length > 0 ? backend.log() : ''
      return { conditions, injected: this.#injected, repliesLost: processes.repliesLost, problems, serverLog }
    } catch (e_2) {
      env_2.error = e_2
      env_2.hasError = true
    } finally {
      const result_1 = __disposeResources(env_2)
      if (result_1) await result_1
    }
  }
  async #underFaults(durationMs) {
    const { schedule, recorder, processes, backend } = this.#parts
    const over = AbortSignal.timeout(durationMs)
    const conducted = conduct(
      {
        site: { workers: processes.workers, producers: processes.producers, leaseMs: LEASE_MS },
        database: backend.database,
        steps: schedule.steps,
        record: (event) => recorder.record(event),
        onStep: (name) => this.#injected.set(name, (this.#injected.get(name) ?? 0) + 1),
      },
      over,
    )
    await Promise.all([conducted, untilAborted(over)])
  }
  async #stop(kind) {
    const late = await this.#parts.processes[kind].stop(SHAPE.drainMs + 60_000)
    for (const name of late) this.#problems.push(`${name} did not leave after SIGTERM`)
  }
  /** Waits until nothing is left to do, lets the workers go, and reads everything there is. */
  async #lookAround() {
    const { recorder, backend } = this.#parts
    const queue = backend.openQueue()
    try {
      const left = await untilIdle(queue)
      if (left > 0) this.#problems.push(`${left} jobs have not ended ${QUIET_MS} ms after the last fault`)
      await this.#stop('workers')
      await readInventory(queue, recorder)
      await readBusinessRows(queue, { recorder, folder: this.#options.folder })
      for (const { invariant, detail } of await queue.checkInvariants()) {
        recorder.record({ type: 'invariant', invariant, detail })
        this.#problems.push(`impossible: ${invariant}: ${detail}`)
      }
    } finally {
      await queue.close()
    }
  }
}
async function untilAborted(signal) {
  if (signal.aborted) return
  await new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
/** Reads the database's clock now and then, so that its times can be told from the machine's. */
class ClockReader {
  #stop = new AbortController()
  #ended
  #backend
  #recorder
  constructor(backend, recorder) {
    this.#backend = backend
    this.#recorder = recorder
    this.#ended = this.#run()
  }
  async read() {
    const sentAt = monotonicMs()
    // While the server is down there is no clock to read.
    const dbMs = await this.#backend.clock().catch(() => undefined)
    if (dbMs !== undefined) this.#recorder.record({ type: 'db-clock', sentAt, dbMs })
  }
  async #run() {
    while (!this.#stop.signal.aborted) {
      await this.read()
      await sleep(1000, undefined, { signal: this.#stop.signal }).catch(() => undefined)
    }
  }
  async [Symbol.asyncDispose]() {
    this.#stop.abort()
    await this.#ended
  }
}
/** Resolves with the number of jobs that are left: 0, or after the limit more. */
async function untilIdle(queue) {
  for (const deadline = performance.now() + QUIET_MS; ; await sleep(200)) {
    const { rows } = await queue.transaction((tx) => tx.query(`select count(*) as n from ${SCHEMA}.jobs`))
    const left = Number(rows[0]?.['n'])
    if (left === 0 || performance.now() > deadline) return left
  }
}
const PAGE = 2000
async function readInventory(queue, recorder) {
  const sentAt = monotonicMs()
  let count = 0
  for (let cursor; ;) {
    const readAt = monotonicMs()
    const jobs = await queue.getJobs(cursor === undefined ? {} : { cursor }, PAGE)
    for (const job of jobs) recorder.record(stateOf(job.id, job, readAt))
    count += jobs.length
    cursor = jobs.at(-1)?.id
    if (cursor === undefined) break
  }
  recorder.record({ type: 'inventory', sentAt, count })
}
/** Whether the business row of each transaction that somebody began is there. */
async function readBusinessRows(queue, { recorder, folder }) {
  const begun = readHistory(folder).events.flatMap((event) =>
    event.type === 'add' && event.tx !== undefined ? [event.tx] : [],
  )
  const { rows } = await queue.transaction((tx) => tx.query(`select tx from ${BUSINESS_TABLE}`))
  const present = new Set(rows.map(({ tx }) => String(tx)))
  for (const tx of new Set(begun)) recorder.record({ type: 'business-row', tx, present: present.has(tx) })
}
//# sourceMappingURL=run.js.map
