import type { EventOf, HistoryEvent } from './event.ts'
/**
 * Milliseconds since some fixed moment, the same for all processes of this machine: CLOCK_MONOTONIC. Processes under
 * libfaketime keep it as long as `FAKETIME_DONT_FAKE_MONOTONIC=1` is set.
 */
export declare function monotonicMs(): number
/**
 * Appends what happens in this process to a file of its own. Each line is one synchronous write to a file opened for
 * appending, so whatever was recorded before a SIGKILL is there, but perhaps for the last line, which may be torn.
 */
export declare class Recorder implements Disposable {
  #private
  readonly process: string
  readonly file: string
  private constructor()
  /**
   * Opens `<folder>/<name>.jsonl`, which must not exist: a process that comes back is another process, with another name.
   */
  static open(folder: string, name: string, role: EventOf<'open'>['role']): Recorder
  /** Writes an event down and returns when that was: now, on the monotonic clock. After `close` it writes nothing. */
  record(event: HistoryEvent): number
  close(): void
  [Symbol.dispose](): void
}
//# sourceMappingURL=recorder.d.ts.map
