/** Two ways to the database thread that carry the same messages: a thread's port, or a socket. */
import { connect, type Socket } from 'node:net'
import type { Worker } from 'node:worker_threads'
import { encodeFrame, FrameReader, type Reply, type Request } from './protocol.ts'

export interface Link {
  send(request: Request): void
  /** Where replies go. Set once, before the first request. */
  onReply: (reply: Reply) => void
  /** Called once, when no reply can come any more. */
  onEnd: () => void
  /** Whether waiting for a reply keeps the process alive. */
  hold: (isWaiting: boolean) => void
  /** Lets go of the link. */
  end(): void
}

const ignore = (): void => undefined

/** The link of the owner's main thread. Ending it leaves the thread alone: its owner ends it. */
export function linkToThread(worker: Worker): Link {
  const link: Link = {
    send: (request) => worker.postMessage(request),
    onReply: ignore,
    onEnd: ignore,
    hold: (isWaiting) => (isWaiting ? worker.ref() : worker.unref()),
    end: ignore,
  }
  worker.on('message', (reply: Reply) => link.onReply(reply))
  worker.once('exit', () => link.onEnd())
  return link
}

/** Connects to another process. Rejects with the system's error if nobody listens there. */
export async function linkToProcess(socketPath: string): Promise<Link> {
  const socket = connect(socketPath)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return linkOf(socket)
}

function linkOf(socket: Socket): Link {
  const reader = new FrameReader<Reply>()
  const link: Link = {
    send: (request) => void socket.write(encodeFrame(request)),
    onReply: ignore,
    onEnd: ignore,
    hold: (isWaiting) => void (isWaiting ? socket.ref() : socket.unref()),
    end: () => void socket.end(),
  }
  socket.on('data', (piece) => {
    try {
      for (const reply of reader.read(piece)) link.onReply(reply)
    } catch {
      socket.destroy()
    }
  })
  // `close` follows and says the same.
  socket.on('error', ignore)
  socket.once('close', () => link.onEnd())
  return link
}
