/** Serves the database thread's session to further processes of this machine, through a socket only this user can open. */
import { createServer, type Socket } from 'node:net'
import { chmodSync, rmSync } from 'node:fs'
import { encodeFrame, FrameReader, type Reply, type Request } from './protocol.ts'
import type { Scheduler, Session } from './scheduler.ts'
import { PROTOCOL_VERSION } from './version.ts'

/** A socket that other processes connect to. */
export interface ProcessServer {
  /**
   * Takes no more connections, asks the others to hang up, and resolves when they have or `withinMs` has passed: whoever
   * is still connected then loses what it asked for.
   */
  sayGoodbye(withinMs: number): Promise<void>
}

/** Listens on `path` and gives every connection a session of `scheduler`. Resolves once it can be connected to. */
export async function serve(path: string, scheduler: Scheduler): Promise<ProcessServer> {
  const isPipe = process.platform === 'win32'
  if (!isPipe) rmSync(path, { force: true })
  const sessions = new Set<Session>()
  const server = createServer((socket) => {
    const session = attach(socket, scheduler)
    sessions.add(session)
    socket.once('close', () => sessions.delete(session))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  if (!isPipe) chmodSync(path, 0o600)
  return {
    sayGoodbye: async (withinMs) => {
      // Resolves when the last connection is closed.
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      for (const session of sessions) session.reply({ kind: 'closing' })
      await settledWithin(closed, withinMs)
    },
  }
}

async function settledWithin(work: Promise<void>, milliseconds: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    void work.finally(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function attach(socket: Socket, scheduler: Scheduler): Session {
  const session: Session = {
    channels: new Set(),
    reply: (reply: Reply) => {
      if (socket.writable) socket.write(encodeFrame(reply))
    },
  }
  const reader = new FrameReader<Request>()
  let hasGreeted = false
  const take = (request: Request): void => {
    if (hasGreeted) return scheduler.submit(session, request)
    hasGreeted = greet(session, request)
    if (hasGreeted) scheduler.add(session)
    else socket.end()
  }
  socket.on('data', (piece) => {
    try {
      for (const request of reader.read(piece)) take(request)
    } catch {
      socket.destroy()
    }
  })
  // A reset is an ordinary end of a process; `close` follows.
  socket.on('error', () => undefined)
  socket.on('close', () => scheduler.remove(session))
  return session
}

function greet(session: Session, request: Request): boolean {
  if (request.kind !== 'hello') return false
  if (request.protocol === PROTOCOL_VERSION) {
    session.reply({ kind: 'result', id: request.id, bytes: new Uint8Array(0) })
    return true
  }
  const message =
    `Process ${process.pid}, which has the directory open, speaks version ${PROTOCOL_VERSION} of the embedded protocol, ` +
    `and process ${request.pid} speaks ${request.protocol}: use one version of @millrace/pglite in both`
  session.reply({ kind: 'failed', id: request.id, code: 'EMBEDDED_LOCKED', message })
  return false
}
