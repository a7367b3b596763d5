import type { RunEvent } from './run-event.ts'
import type { ProducerEvent } from './producer-event.ts'
import type { ReadingEvent } from './reading-event.ts'
import type { WorkerEvent } from './worker-event.ts'
/**
 * One line of a history. Four parties write, each what it alone can know: the harness what it did to the system
 * (`RunEvent`), producers what they asked and were answered (`ProducerEvent`), handlers what they ran (`WorkerEvent`), and
 * whoever looks what the public API and the tables show (`ReadingEvent`).
 *
 * A *job* is the store's id; a *ref* is the harness's own name of a job, new for each job it means to add and carried in
 * the payload, so that a job whose add had no answer can be told when it shows up. A *call* and an *exec* are names of one
 * call and one execution, unique in the run. Times: `…At` is this machine's monotonic clock in milliseconds, `…DbMs` the
 * database's clock in milliseconds since 1970.
 */
export type HistoryEvent = RunEvent | ProducerEvent | WorkerEvent | ReadingEvent
export type EventType = HistoryEvent['type']
export type EventOf<T extends EventType> = Extract<
  HistoryEvent,
  {
    readonly type: T
  }
>
/** An event in its place in a run: where it was written, by whom and when. */
export type Recorded<E extends HistoryEvent = HistoryEvent> = E & {
  /** Position in the merged history, from 0. */
  readonly index: number
  /** Monotonic clock of the machine, milliseconds. */
  readonly at: number
  /** The process that wrote it, as it named itself. */
  readonly process: string
  readonly file: string
  /** From 1. */
  readonly line: number
}
//# sourceMappingURL=event.d.ts.map
