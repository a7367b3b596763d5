/**
 * What waits to be run, and whose turn it is: the sessions that have something waiting take turns, one request each, and
 * the requests of one session keep their order. So a session with a thousand requests delays another by one of them.
 */
export class Turns<S, R> {
  /** In the order of their turns; a session without requests has no line. */
  readonly #lines = new Map<S, R[]>()

  get isEmpty(): boolean {
    return this.#lines.size === 0
  }

  add(session: S, request: R): void {
    const line = this.#lines.get(session)
    if (line === undefined) this.#lines.set(session, [request])
    else line.push(request)
  }

  /** Takes the next request; its session goes to the end. */
  take(): { readonly session: S; readonly request: R } | undefined {
    const first = this.#lines.entries().next().value
    if (first === undefined) return undefined
    const [session, line] = first
    this.#lines.delete(session)
    const [request, ...rest] = line
    if (rest.length > 0) this.#lines.set(session, rest)
    return request === undefined ? undefined : { session, request }
  }

  /** Forgets the requests of `session` that are `unwanted`; by default all of them. */
  drop(session: S, unwanted: (request: R) => boolean = () => true): void {
    const rest = this.#lines.get(session)?.filter((request) => !unwanted(request)) ?? []
    if (rest.length === 0) this.#lines.delete(session)
    // Where the line exists this keeps its place.
    else this.#lines.set(session, rest)
  }
}
