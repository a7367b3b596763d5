import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
/**
 * Milliseconds since some fixed moment, the same for all processes of this machine: CLOCK_MONOTONIC. Processes under
 * libfaketime keep it as long as `FAKETIME_DONT_FAKE_MONOTONIC=1` is set.
 */
export function monotonicMs() {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}
/**
 * Appends what happens in this process to a file of its own. Each line is one synchronous write to a file opened for
 * appending, so whatever was recorded before a SIGKILL is there, but perhaps for the last line, which may be torn.
 */
export class Recorder {
  process
  file
  #descriptor
  constructor(name, file) {
    this.process = name
    this.file = file
    this.#descriptor = openSync(file, 'ax')
  }
  /**
   * Opens `<folder>/<name>.jsonl`, which must not exist: a process that comes back is another process, with another name.
   */
  static open(folder, name, role) {
    mkdirSync(folder, { recursive: true })
    const recorder = new Recorder(name, join(folder, `${name}.jsonl`))
    recorder.record({ type: 'open', pid: process.pid, role })
    return recorder
  }
  /** Writes an event down and returns when that was: now, on the monotonic clock. After `close` it writes nothing. */
  record(event) {
    const at = monotonicMs()
    if (this.#descriptor === undefined) return at
    writeSync(this.#descriptor, `${JSON.stringify({ at, ...event })}\n`)
    return at
  }
  close() {
    if (this.#descriptor === undefined) return
    closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
  [Symbol.dispose]() {
    this.close()
  }
}
//# sourceMappingURL=recorder.js.map
