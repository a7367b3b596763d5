/**
 * The messages between a process that wants statements run and the database thread that runs them. They are plain data:
 * the owner's own thread takes them through a message port, other processes through a socket, with the same meaning.
 */
import type { MillraceErrorCode } from 'millrace'

/** A parameter as PostgreSQL's text format, or NULL. */
export type Parameter = string | null

/** What can be asked of the database thread. */
export type Question =
  /** First on a socket. Its shape never changes, so that any two versions can at least tell each other apart. */
  | { readonly kind: 'hello'; readonly protocol: number; readonly pid: number }
  /** One statement in a transaction of its own, or in the open transaction `tx`. */
  | {
      readonly kind: 'query'
      readonly text: string
      readonly values: readonly Parameter[]
      readonly timeoutMs: number
      readonly tx: number | null
    }
  /** Several statements without parameters, in one transaction. */
  | { readonly kind: 'script'; readonly text: string; readonly timeoutMs: number }
  /** Opens a transaction that ends after `limitMs` whatever happens; later requests name it by the number of this one. */
  | { readonly kind: 'begin'; readonly timeoutMs: number; readonly limitMs: number }
  | { readonly kind: 'end'; readonly tx: number; readonly commit: boolean }
  | { readonly kind: 'listen' | 'unlisten'; readonly channel: string; readonly timeoutMs: number }
  | { readonly kind: 'memory' }

/** A question under the caller's own number, which comes back with the reply. */
export type Request =
  | (Question & { readonly id: number })
  /** The caller has given up on request `id`: it is dropped if it has not begun. Has no reply. */
  | { readonly kind: 'forget'; readonly id: number }

/** What the database thread answers. */
export type Reply =
  /** PostgreSQL's own answer, undecoded: decoding is left to the process that asked. It may contain an error. */
  | { readonly kind: 'result'; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'failed'; readonly id: number; readonly code: MillraceErrorCode; readonly message: string }
  /** The database is closing here; the request was not begun, and belongs to whoever owns the directory next. */
  | { readonly kind: 'moved'; readonly id: number }
  /** To everybody connected: ask nothing more here, and hang up when nothing is open. */
  | { readonly kind: 'closing' }
  | { readonly kind: 'memory'; readonly id: number; readonly wasmBytes: number }
  | { readonly kind: 'notification'; readonly channel: string; readonly payload: string }

/** What the database thread tells the thread that started it, besides replies. */
export type ThreadEvent =
  | { readonly kind: 'opened'; readonly startedFrom: StartedFrom }
  | { readonly kind: 'unusable'; readonly code: MillraceErrorCode; readonly message: string; readonly remedy?: string }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'closed' }

/** Whether there was a data directory already, and if not, what it was made from. */
export type StartedFrom = 'directory' | 'snapshot' | 'initdb'

/** Asks the database thread to finish what it has accepted, write a checkpoint and let go of the directory. */
export interface CloseThread {
  readonly kind: 'close'
}

const HEADER_BYTES = 8
/** Far above any payload limit; a longer frame means that something else is talking. */
const MAX_FRAME_BYTES = 1 << 30

/** One message for a socket: total length, length of the JSON part, JSON, then the bytes of a result. */
export function encodeFrame(message: Request | Reply): Buffer {
  const bytes = message.kind === 'result' ? message.bytes : undefined
  const json = Buffer.from(JSON.stringify(bytes === undefined ? message : { ...message, bytes: undefined }))
  const frame = Buffer.allocUnsafe(HEADER_BYTES + json.length + (bytes?.length ?? 0))
  frame.writeUInt32BE(frame.length - 4, 0)
  frame.writeUInt32BE(json.length, 4)
  json.copy(frame, HEADER_BYTES)
  if (bytes !== undefined) frame.set(bytes, HEADER_BYTES + json.length)
  return frame
}

/** Puts frames together from the pieces a socket delivers. `M` is what the other side is trusted to send. */
export class FrameReader<M extends Request | Reply> {
  #pieces: Buffer[] = []
  #length = 0

  /** @throws Error on a frame that cannot be one of ours; the connection is then of no further use. */
  read(piece: Buffer): M[] {
    this.#pieces.push(piece)
    this.#length += piece.length
    const messages: M[] = []
    while (this.#length >= HEADER_BYTES) {
      const size = this.#front(HEADER_BYTES).readUInt32BE(0) + 4
      if (size > MAX_FRAME_BYTES || size < HEADER_BYTES) throw new Error(`Frame of ${size} bytes`)
      if (this.#length < size) break
      messages.push(decodeFrame<M>(this.#front(size).subarray(0, size)))
      this.#drop(size)
    }
    return messages
  }

  /** A buffer that begins with at least `size` bytes; joins pieces only when one is too short. */
  #front(size: number): Buffer {
    const first = this.#pieces[0]
    if (first !== undefined && first.length >= size) return first
    const joined = Buffer.concat(this.#pieces)
    this.#pieces = [joined]
    return joined
  }

  #drop(size: number): void {
    const rest = this.#front(size).subarray(size)
    this.#pieces[0] = rest
    if (rest.length === 0) this.#pieces.shift()
    this.#length -= size
  }
}

function decodeFrame<M extends Request | Reply>(frame: Buffer): M {
  const jsonEnd = HEADER_BYTES + frame.readUInt32BE(4)
  const message = JSON.parse(frame.toString('utf8', HEADER_BYTES, jsonEnd))
  if (message.kind === 'result') message.bytes = frame.subarray(jsonEnd)
  return message
}
