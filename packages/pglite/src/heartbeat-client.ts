/**
 * The connection of a heartbeat thread, which extends its worker's lease while a handler blocks the main thread of the process:
 * as much of node-postgres' `Client` as that takes. It only ever joins the process that runs the database, through the socket
 * which the database thread there serves, so it works while the main threads of both are blocked; it never takes the lock.
 */
import { Connection } from './connection.ts'
import { linkToProcess } from './link.ts'
import { lockHolder } from './lock.ts'
import { encodeValues } from './parameters.ts'
import { textFormats, toObjects } from './rows.ts'
import { PROTOCOL_VERSION } from './version.ts'
import { decodeAnswer } from './wire.ts'

export interface HeartbeatClientOptions {
  readonly dataDir: string
  readonly connectionTimeoutMillis: number
  readonly query_timeout: number
}

export class Client {
  readonly #options: HeartbeatClientOptions
  #connection: Connection | undefined
  #onError: (error: Error) => void = () => undefined

  constructor(options: HeartbeatClientOptions) {
    this.#options = options
  }

  /** The one event that is told: the connection is gone. */
  on(_event: 'error', listener: (error: Error) => void): this {
    this.#onError = listener
    return this
  }

  /** Rejects if no process runs the database now; the thread tries again. */
  async connect(): Promise<void> {
    const { dataDir, connectionTimeoutMillis } = this.#options
    const holder = lockHolder(dataDir)
    if (holder === null) throw new Error(`no process runs the embedded database in ${dataDir}`)
    const connection = new Connection(await linkToProcess(holder.socketPath), {
      onNotification: () => undefined,
      onLost: () => this.#onError(new Error('the process that ran the embedded database has ended')),
    })
    this.#connection = connection
    const hello = { kind: 'hello', protocol: PROTOCOL_VERSION, pid: process.pid } as const
    await connection.ask(hello, connectionTimeoutMillis).answer
  }

  async query(text: string, values: readonly unknown[]): Promise<{ readonly rows: Record<string, unknown>[] }> {
    const timeoutMs = this.#options.query_timeout
    if (this.#connection === undefined) throw new Error('not connected')
    const question = { kind: 'query', text, values: encodeValues(values), timeoutMs, tx: null } as const
    const reply = await this.#connection.ask(question, timeoutMs).answer
    const answer = decodeAnswer(reply.kind === 'result' ? reply.bytes : new Uint8Array(0), textFormats)
    if (answer.error !== null) throw answer.error
    return { rows: toObjects(answer) }
  }

  end(): Promise<void> {
    this.#connection?.end()
    return Promise.resolve()
  }
}
