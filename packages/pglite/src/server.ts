/** Serves the database thread's session to further processes of this machine, through a socket only this user can open. */
import { createServer, type Server, type Socket } from 'node:net'
import { chmodSync, rmSync } from 'node:fs'
import { encodeFrame, FrameReader, type Reply, type Request } from './protocol.ts'
import type { Scheduler, Session } from './scheduler.ts'
import { PROTOCOL_VERSION } from './version.ts'

/** Listens on `path` and gives every connection a session of `scheduler`. Resolves once it can be connected to. */
export async function serve(path: string, scheduler: Scheduler): Promise<Server> {
  const isPipe = process.platform === 'win32'
  if (!isPipe) rmSync(path, { force: true })
  const server = createServer((socket) => attach(socket, scheduler))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  if (!isPipe) chmodSync(path, 0o600)
  return server
}

function attach(socket: Socket, scheduler: Scheduler): void {
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
