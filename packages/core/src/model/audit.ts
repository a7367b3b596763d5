/** What an operator did, or tried. */
export interface AuditEntry {
  readonly id: number
  readonly at: Date
  /** As given to `withActor`. */
  readonly actor: string
  /** The method that was called, such as `cancelJob`. */
  readonly action: string
  /** What it was called on: a job's id, a filter, a scope. Never a payload. */
  readonly target: Readonly<Record<string, unknown>>
  /** `open`: it is under way, or its process died before it could say. */
  readonly outcome: 'done' | 'failed' | 'open'
  /** Of what is done: what the method answered, shortened to a count where it answers ids. Of what failed: the error's code or name. */
  readonly result: string | number | boolean | null
}
