import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'

/** Where a proxy's connections go. */
export interface ProxyTarget {
  readonly host: string
  readonly port: number
}

/** What a proxy does to the traffic that passes. */
interface Weather {
  delayMs: number
  /** Added at random, up to so much. */
  jitterMs: number
  /** 0: no limit. */
  bytesPerSecond: number
  /** Bytes are kept back in both directions; new connections are accepted and hear nothing. */
  isParted: boolean
  /** The share of requests whose reply is cut off after the server has sent it. */
  loseReplies: number
}

/**
 * A TCP proxy of one process's connections to the database, which can do to them what networks do. It understands of
 * the protocol only where a reply ends.
 */
export class Proxy {
  readonly weather: Weather = { delayMs: 0, jitterMs: 0, bytesPerSecond: 0, isParted: false, loseReplies: 0 }
  readonly #links = new Set<Link>()
  readonly #server: Server
  readonly #random: () => number
  readonly #endsReply: EndsReply
  #target: ProxyTarget
  /** How many replies were lost on their way. */
  repliesLost = 0

  constructor(target: ProxyTarget, random: () => number, endsReply: EndsReply) {
    this.#endsReply = endsReply
    this.#target = target
    this.#random = random
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client))
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(0, '127.0.0.1', resolve)
    })
  }

  get port(): number {
    return portOf(this.#server.address())
  }

  /** New connections go there; those that exist are reset. */
  retarget(target: ProxyTarget): void {
    this.#target = target
    this.cut()
  }

  /** Resets every connection. */
  cut(): void {
    for (const link of this.#links) link.reset()
  }

  /** The connections that exist now hear nothing any more and are told of nothing; new ones work. */
  silence(): void {
    for (const link of this.#links) link.isSilent = true
  }

  /** What was kept back is delivered, late, as after a partition. */
  heal(): void {
    Object.assign(this.weather, { delayMs: 0, jitterMs: 0, bytesPerSecond: 0, isParted: false, loseReplies: 0 })
    for (const link of this.#links) link.pump()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
  }

  #accept(client: Socket): void {
    const link = new Link(client, connect({ ...this.#target, allowHalfOpen: true, noDelay: true }), {
      weather: this.weather,
      random: this.#random,
      endsReply: this.#endsReply,
      onReplyLost: () => this.repliesLost++,
      onClosed: () => this.#links.delete(link),
    })
    this.#links.add(link)
  }
}

interface LinkOptions {
  readonly weather: Weather
  readonly random: () => number
  readonly endsReply: EndsReply
  readonly onReplyLost: () => void
  readonly onClosed: () => void
}

/** One connection of a client and the one to the server that belongs to it. */
class Link {
  isSilent = false
  readonly #client: Socket
  readonly #upstream: Socket
  readonly #options: LinkOptions
  readonly #requests: Pipe
  readonly #replies: Pipe
  /** Whether the session has begun: before that there is no statement whose reply could be lost. */
  #isOpen = false
  #isDoomed = false

  constructor(client: Socket, upstream: Socket, options: LinkOptions) {
    this.#client = client
    this.#upstream = upstream
    this.#options = options
    const flow = { weather: options.weather, random: options.random, isSilent: () => this.isSilent }
    this.#requests = new Pipe(upstream, flow)
    this.#replies = new Pipe(client, flow)
    client.on('data', (chunk) => this.#request(chunk))
    upstream.on('data', (chunk) => this.#reply(chunk))
    client.on('end', () => this.#requests.end())
    upstream.on('end', () => this.#replies.end())
    for (const socket of [client, upstream]) {
      socket.on('error', () => this.#lost(socket))
      socket.on('close', () => this.#lost(socket))
    }
  }

  pump(): void {
    this.#requests.pump()
    this.#replies.pump()
  }

  reset(): void {
    this.#requests.stop()
    this.#replies.stop()
    this.#client.resetAndDestroy()
    this.#upstream.resetAndDestroy()
    this.#options.onClosed()
  }

  #request(chunk: Buffer): void {
    const { weather, random } = this.#options
    if (this.#isOpen && weather.loseReplies > 0 && random() < weather.loseReplies) this.#isDoomed = true
    this.#requests.push(chunk)
  }

  #reply(chunk: Buffer): void {
    const isComplete = this.#options.endsReply(chunk)
    if (isComplete) this.#isOpen = true
    if (!this.#isDoomed) return this.#replies.push(chunk)
    // Only when the reply is complete has the statement certainly taken effect.
    if (!isComplete) return
    this.#options.onReplyLost()
    this.reset()
  }

  /** A parted network tells nobody that the other side has gone; what is under way arrives when it heals. */
  #lost(socket: Socket): void {
    const [pipe, other] = socket === this.#client ? [this.#requests, this.#upstream] : [this.#replies, this.#client]
    pipe.end()
    // The server of a half-open connection would find out by its keep-alive; here it is told at once.
    if (this.isSilent && socket === this.#client) other.resetAndDestroy()
    if (pipe.isEmpty && !this.#options.weather.isParted && !this.isSilent) other.destroy()
    if (this.#client.destroyed && this.#upstream.destroyed) this.#options.onClosed()
  }
}

interface Flow {
  readonly weather: Weather
  readonly random: () => number
  readonly isSilent: () => boolean
}

/** One direction of a link: keeps the order whatever the delays. */
class Pipe {
  readonly #to: Socket
  readonly #flow: Flow
  readonly #queue: { readonly chunk: Buffer; readonly dueAt: number }[] = []
  #lastDueAt = 0
  #timer: NodeJS.Timeout | undefined
  #hasEnded = false

  constructor(to: Socket, flow: Flow) {
    this.#to = to
    this.#flow = flow
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  push(chunk: Buffer): void {
    if (this.#flow.isSilent()) return
    const { delayMs, jitterMs, bytesPerSecond } = this.#flow.weather
    const wire = bytesPerSecond === 0 ? 0 : (chunk.length / bytesPerSecond) * 1000
    const after = Math.max(performance.now() + delayMs + this.#flow.random() * jitterMs, this.#lastDueAt)
    this.#lastDueAt = after + wire
    this.#queue.push({ chunk, dueAt: this.#lastDueAt })
    this.pump()
  }

  end(): void {
    this.#hasEnded = true
    this.pump()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
  }

  pump(): void {
    clearTimeout(this.#timer)
    if (this.#flow.weather.isParted || this.#flow.isSilent()) return
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const waitMs = first.dueAt - performance.now()
      if (waitMs > 0.5) {
        this.#timer = setTimeout(() => this.pump(), waitMs)
        return
      }
      this.#queue.shift()
      if (!this.#to.destroyed) this.#to.write(first.chunk)
    }
    if (this.#hasEnded && !this.#to.destroyed) this.#to.end()
  }
}

/** Whether a request has certainly taken effect once `chunk` has come from the server. */
export type EndsReply = (chunk: Buffer) => boolean

/** Of PostgreSQL: it ends with `ReadyForQuery`, a type byte, its length 5, and the transaction's status. */
export function endsPostgresReply(chunk: Buffer): boolean {
  const at = chunk.length - 6
  return at >= 0 && chunk[at] === 0x5a && chunk.readUInt32BE(at + 1) === 5
}

/** Redis answers when it has run the command. */
export function endsRedisReply(): boolean {
  return true
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
  return address.port
}
