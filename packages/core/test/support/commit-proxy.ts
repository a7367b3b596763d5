import { connect, createServer, type Server, type Socket } from 'node:net'

/** What becomes of a `commit`: it passes, never reaches the server, or takes effect without an answer. */
export type CommitFate = 'answered' | 'unsent' | 'unanswered'

/** Stands before a server and breaks connections at their commits. */
export interface CommitProxy extends AsyncDisposable {
  /** The server's address through here. */
  readonly url: string
  /** How many commits met which fate so far. */
  readonly met: Readonly<Record<CommitFate, number>>
}

/** @param fate - Asked at each `commit` that a client sends. */
export async function openCommitProxy(target: string, fate: () => CommitFate): Promise<CommitProxy> {
  const { hostname, port } = new URL(target)
  const met = { answered: 0, unsent: 0, unanswered: 0 }
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: hostname, port: Number(port), noDelay: true })
    let isDoomed = false
    const end = (): void => {
      near.resetAndDestroy()
      far.destroy()
    }
    near.on('data', (chunk) => {
      if (chunk.includes('commit\0')) {
        const found = fate()
        met[found] += 1
        if (found === 'unsent') return end()
        isDoomed = found === 'unanswered'
      }
      far.write(chunk)
    })
    // Whatever the server says now follows from the commit.
    far.on('data', (chunk) => void (isDoomed ? end() : near.write(chunk)))
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', end)
      socket.on('close', () => {
        sockets.delete(socket)
        end()
      })
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = new URL(target)
  address.host = `127.0.0.1:${portOf(server)}`
  return {
    url: address.href,
    met,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
  return address.port
}
