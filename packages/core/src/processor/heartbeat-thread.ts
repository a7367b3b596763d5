/**
 * The program of the heartbeat thread, as text: a thread that is started from text needs no file that a bundler could
 * lose, and runs the same from `src` and from `dist`. It takes its modules from `process`, because the flags of the process
 * (`--input-type=module`) decide whether `require` or `import` exists in it.
 *
 * It sleeps until the main thread's last beat is `dueMs` old, then extends the lease itself, over a connection that it
 * opens only then and gives up when it has not been needed for a while. Told that a beat of the main thread has failed, it does
 * not wait until then. It sends `beat`, `lost` (then it ends) and `error` (once per outage); it receives `failed` and `stop`.
 *
 * Shared memory, milliseconds of `process.hrtime`, which is one clock for all threads: see `SLOT` in `heartbeat.ts`.
 */
export const HEARTBEAT_SOURCE: string = String.raw`(() => {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const { createRequire } = process.getBuiltinModule('node:module')
  const { pgPath, driver, connection, statement, worker, leaseMs, dueMs, slots, memory } = workerData
  const shared = new BigInt64Array(memory)
  const now = () => Number(process.hrtime.bigint() / 1000000n)
  const load = (slot) => Number(Atomics.load(shared, slot))

  const IDLE_CLOSE_MS = 30_000
  const SHORTEST_PAUSE_MS = 20
  const limitMs = Math.max(250, Math.ceil(leaseMs / 3))
  // An outage that ends before the lease must not cost it: while nobody can be reached, it is tried a few times a lease.
  const longestPauseMs = leaseMs / 6

  let client
  let timer
  let failures = 0
  let lastBeat = 0
  let lastTry = 0
  // When the main thread said that a beat of its own has failed; 0: it has not, or beats again.
  let failedAt = 0
  let isStopped = false

  const discard = () => {
    const old = client
    client = undefined
    if (old !== undefined) old.end().catch(() => {})
  }

  const open = async () => {
    const { Client } = driver === undefined ? createRequire(pgPath)(pgPath) : await import(driver)
    const opened = new Client({
      keepAlive: true,
      application_name: 'millrace heartbeat',
      ...connection,
      connectionTimeoutMillis: limitMs,
      query_timeout: limitMs,
    })
    // A connection that dies between two beats is an event; without a listener it would end the thread.
    opened.on('error', () => {
      if (client === opened) client = undefined
    })
    try {
      await opened.connect()
    } catch (error) {
      opened.end().catch(() => {})
      throw error
    }
    client = opened
  }

  const beat = async () => {
    const startedAt = now()
    lastTry = startedAt
    if (client === undefined) await open()
    const { rows } = await client.query(statement, [worker, leaseMs])
    failures = 0
    failedAt = 0
    lastBeat = now()
    if (rows[0] !== undefined && rows[0].alive === true) {
      Atomics.store(shared, slots.threadBeat, BigInt(startedAt))
      parentPort.postMessage({ kind: 'beat', durationMs: lastBeat - startedAt })
    } else {
      Atomics.store(shared, slots.lost, 1n)
      parentPort.postMessage({ kind: 'lost' })
      stop()
    }
  }

  // A handler that blocks the main thread beyond its time limit and grace is never told so; its lease must run out.
  const isGivenUp = () => {
    const deadline = load(slots.deadline)
    return deadline !== 0 && now() > deadline && load(slots.tick) < deadline
  }

  const round = async () => {
    timer = undefined
    if (load(slots.beat) > failedAt) failedAt = 0
    const dueAt = failedAt === 0 ? Math.max(load(slots.beat), lastBeat) + dueMs : Math.max(failedAt, lastTry + longestPauseMs)
    let pauseMs = dueAt - now()
    if (pauseMs <= 0 && isGivenUp()) {
      pauseMs = dueMs
    } else if (pauseMs <= 0) {
      try {
        await beat()
        pauseMs = leaseMs / 3
      } catch (error) {
        discard()
        if (failures === 0) parentPort.postMessage({ kind: 'error', message: String(error && error.message) })
        pauseMs = Math.min(longestPauseMs, 50 * 2 ** Math.min(failures++, 10))
      }
    } else if (client !== undefined && now() - lastBeat > IDLE_CLOSE_MS) {
      discard()
    }
    if (isStopped) discard()
    else timer = setTimeout(round, Math.max(SHORTEST_PAUSE_MS, pauseMs))
  }

  // With no timer, connection or listener left, the thread leaves by itself.
  const stop = () => {
    isStopped = true
    clearTimeout(timer)
    parentPort.unref()
    discard()
  }

  parentPort.on('message', ({ kind }) => {
    if (kind === 'stop') return stop()
    failedAt = now()
    if (timer === undefined) return
    clearTimeout(timer)
    void round()
  })
  void round()
})()`
