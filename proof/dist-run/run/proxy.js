import { createServer, connect } from 'node:net'
/**
 * A TCP proxy of one process's connections to the database, which can do to them what networks do. It understands of
 * the protocol only where a reply ends.
 */
export class Proxy {
  weather = { delayMs: 0, jitterMs: 0, bytesPerSecond: 0, isParted: false, loseReplies: 0 }
  #links = new Set()
  #server
  #random
  #target
  /** How many replies were lost on their way. */
  repliesLost = 0
  constructor(target, random) {
    this.#target = target
    this.#random = random
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client))
  }
  async listen() {
    await new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(0, '127.0.0.1', resolve)
    })
  }
  get port() {
    return portOf(this.#server.address())
  }
  /** New connections go there; those that exist are reset. */
  retarget(target) {
    this.#target = target
    this.cut()
  }
  /** Resets every connection. */
  cut() {
    for (const link of this.#links) link.reset()
  }
  /** The connections that exist now hear nothing any more and are told of nothing; new ones work. */
  silence() {
    for (const link of this.#links) link.isSilent = true
  }
  /** What was kept back is delivered, late, as after a partition. */
  heal() {
    Object.assign(this.weather, { delayMs: 0, jitterMs: 0, bytesPerSecond: 0, isParted: false, loseReplies: 0 })
    for (const link of this.#links) link.pump()
  }
  async close() {
    this.cut()
    await new Promise((resolve) => {
      this.#server.close(() => resolve())
    })
  }
  #accept(client) {
    const link = new Link(client, connect({ ...this.#target, allowHalfOpen: true, noDelay: true }), {
      weather: this.weather,
      random: this.#random,
      onReplyLost: () => this.repliesLost++,
      onClosed: () => this.#links.delete(link),
    })
    this.#links.add(link)
  }
}
/** One connection of a client and the one to the server that belongs to it. */
class Link {
  isSilent = false
  #client
  #upstream
  #options
  #requests
  #replies
  /** Whether the session has begun: before that there is no statement whose reply could be lost. */
  #isOpen = false
  #isDoomed = false
  constructor(client, upstream, options) {
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
  pump() {
    this.#requests.pump()
    this.#replies.pump()
  }
  reset() {
    this.#requests.stop()
    this.#replies.stop()
    this.#client.resetAndDestroy()
    this.#upstream.resetAndDestroy()
    this.#options.onClosed()
  }
  #request(chunk) {
    const { weather, random } = this.#options
    if (this.#isOpen && weather.loseReplies > 0 && random() < weather.loseReplies) this.#isDoomed = true
    this.#requests.push(chunk)
  }
  #reply(chunk) {
    const isComplete = endsReply(chunk)
    if (isComplete) this.#isOpen = true
    if (!this.#isDoomed) return this.#replies.push(chunk)
    // Only when the reply is complete has the statement certainly taken effect.
    if (!isComplete) return
    this.#options.onReplyLost()
    this.reset()
  }
  /** A parted network tells nobody that the other side has gone; what is under way arrives when it heals. */
  #lost(socket) {
    const [pipe, other] = socket === this.#client ? [this.#requests, this.#upstream] : [this.#replies, this.#client]
    pipe.end()
    // The server of a half-open connection would find out by its keep-alive; here it is told at once.
    if (this.isSilent && socket === this.#client) other.resetAndDestroy()
    if (pipe.isEmpty && !this.#options.weather.isParted && !this.isSilent) other.destroy()
    if (this.#client.destroyed && this.#upstream.destroyed) this.#options.onClosed()
  }
}
/** One direction of a link: keeps the order whatever the delays. */
class Pipe {
  #to
  #flow
  #queue = []
  #lastDueAt = 0
  #timer
  #hasEnded = false
  constructor(to, flow) {
    this.#to = to
    this.#flow = flow
  }
  get isEmpty() {
    return this.#queue.length === 0
  }
  push(chunk) {
    if (this.#flow.isSilent()) return
    const { delayMs, jitterMs, bytesPerSecond } = this.#flow.weather
    const wire = bytesPerSecond === 0 ? 0 : (chunk.length / bytesPerSecond) * 1000
    const after = Math.max(performance.now() + delayMs + this.#flow.random() * jitterMs, this.#lastDueAt)
    this.#lastDueAt = after + wire
    this.#queue.push({ chunk, dueAt: this.#lastDueAt })
    this.pump()
  }
  end() {
    this.#hasEnded = true
    this.pump()
  }
  stop() {
    clearTimeout(this.#timer)
    this.#queue.length = 0
  }
  pump() {
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
/** Whether `chunk` ends with `ReadyForQuery`: a type byte, its length 5, and the transaction's status. */
function endsReply(chunk) {
  const at = chunk.length - 6
  return at >= 0 && chunk[at] === 0x5a && chunk.readUInt32BE(at + 1) === 5
}
function portOf(address) {
  if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
  return address.port
}
//# sourceMappingURL=proxy.js.map
