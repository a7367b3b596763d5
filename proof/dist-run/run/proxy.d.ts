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
export declare class Proxy {
  #private
  readonly weather: Weather
  /** How many replies were lost on their way. */
  repliesLost: number
  constructor(target: ProxyTarget, random: () => number)
  listen(): Promise<void>
  get port(): number
  /** New connections go there; those that exist are reset. */
  retarget(target: ProxyTarget): void
  /** Resets every connection. */
  cut(): void
  /** The connections that exist now hear nothing any more and are told of nothing; new ones work. */
  silence(): void
  /** What was kept back is delivered, late, as after a partition. */
  heal(): void
  close(): Promise<void>
}
export {}
//# sourceMappingURL=proxy.d.ts.map
