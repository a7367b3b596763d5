import type { ClaimedJob } from '../store/claim.ts'

/** Which claims still have jobs to settle, so that the store can forget the others. */
export class OpenClaims {
  readonly #open = new Map<number, number>()
  #closed: number[] = []

  claimed(jobs: readonly ClaimedJob[]): void {
    for (const { token } of jobs) this.#open.set(token, (this.#open.get(token) ?? 0) + 1)
  }

  /** One attempt under this token needs nothing recorded any more. */
  ended(token: number): void {
    const left = (this.#open.get(token) ?? 0) - 1
    if (left > 0) {
      this.#open.set(token, left)
    } else if (this.#open.delete(token)) {
      this.#closed.push(token)
    }
  }

  /** The claims that are over and have not been told yet; `putBack` if telling fails. */
  take(): readonly number[] {
    const closed = this.#closed
    if (closed.length > 0) this.#closed = []
    return closed
  }

  putBack(tokens: readonly number[]): void {
    this.#closed.push(...tokens)
  }
}
