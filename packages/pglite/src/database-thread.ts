/**
 * The worker thread that owns the database: it opens the directory, runs every statement, serves other processes and does
 * the upkeep. It is a thread because a statement in WASM blocks its event loop, and a thread of its own because sockets
 * are then served even while a handler blocks the main one.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Backend } from './backend.ts'
import { clusterPath, ensureCluster, type ClusterStart } from './data-directory.ts'
import type { CloseThread, Reply, Request, ThreadEvent } from './protocol.ts'
import { Scheduler, type Session } from './scheduler.ts'
import { serve, type ProcessServer } from './server.ts'
import type { UpkeepLimits } from './upkeep.ts'
import { UpkeepClock } from './upkeep-clock.ts'

/** What the thread is started with. */
export interface ThreadOptions {
  readonly dataDir: string
  readonly socketPath: string
  readonly upkeep: UpkeepLimits
}

const port = parentPort
if (port === null) throw new Error('database-thread.ts runs as a worker thread only')
const options: ThreadOptions = workerData

/** The main thread's session; results are handed over, not copied. */
const session: Session = {
  channels: new Set(),
  reply: (reply: Reply) => {
    if (reply.kind === 'result') port.postMessage(reply, [reply.bytes.buffer])
    else port.postMessage(reply)
  },
}

void start()

async function start(): Promise<void> {
  try {
    await open(await ensureCluster(options.dataDir))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const message = `${clusterPath(options.dataDir)} cannot be opened: ${reason}`
    if (/No space left on device|ENOSPC/.test(reason)) {
      post({ kind: 'unusable', code: 'STORE_UNAVAILABLE', message, remedy: 'Free some space; nothing is lost' })
      process.exit(1)
    }
    const remedy =
      'Restore the directory from a backup, or move it away to begin with an empty database. ' +
      'A directory of another PostgreSQL version must be dumped with the Millrace version that made it'
    post({ kind: 'unusable', code: 'EMBEDDED_CORRUPT', message, remedy })
    process.exit(1)
  }
}

async function open({ startedFrom, caching }: ClusterStart): Promise<void> {
  const backend: Backend = await Backend.open({
    directory: clusterPath(options.dataDir),
    onNotification: (channel, payload) => scheduler.notify(channel, payload),
    // In the middle of WASM that would not return: leaving the thread is the only way out.
    onBroken: (reason) => {
      post({ kind: 'warning', message: `The embedded database stopped: ${reason}` })
      process.exit(2)
    },
  })
  const scheduler = new Scheduler(backend)
  scheduler.add(session)
  const warn = (message: string): void => post({ kind: 'warning', message })
  const upkeep = new UpkeepClock({ backend, scheduler, limits: options.upkeep, onWarning: warn })
  const server = await serveOrWarn(scheduler)
  port?.on('message', (message: Request | CloseThread) => {
    if (message.kind === 'close') void close({ backend, scheduler, upkeep, server, caching })
    else scheduler.submit(session, message)
  })
  post({ kind: 'opened', startedFrom })
}

/** A machine without room for a socket still has a database, for one process. */
async function serveOrWarn(scheduler: Scheduler): Promise<ProcessServer | null> {
  try {
    return await serve(options.socketPath, scheduler)
  } catch (error) {
    post({ kind: 'warning', message: `Other processes cannot join ${options.dataDir}: ${String(error)}` })
    return null
  }
}

interface Open {
  readonly backend: Backend
  readonly scheduler: Scheduler
  readonly upkeep: UpkeepClock
  readonly server: ProcessServer | null
  /** A program that only ran for a moment still leaves the snapshot for the next. */
  readonly caching: Promise<void>
}

/** A connected process that does not hang up, because its own event loop is blocked, holds up the end no longer than this. */
const GOODBYE_MS = 5_000

/** What was accepted is run, what arrives until everybody has hung up is sent on, and only then the directory is let go. */
async function close({ backend, scheduler, upkeep, server, caching }: Open): Promise<void> {
  const goodbye = server?.sayGoodbye(GOODBYE_MS)
  await scheduler.drain()
  await goodbye
  upkeep.stop()
  await backend.close()
  await caching
  post({ kind: 'closed' })
}

function post(event: ThreadEvent): void {
  port?.postMessage(event)
}
