import type { ClaimedJob } from '../store/claim.ts'

/** Which claims still have jobs to settle, so that the store can forget the others. */
export class OpenClaims {
  readonly #open = new Map<number, number>()
  #closed: number[] = []

  claimed(jobs: readonly ClaimedJob[]): void {
    forEachRun(jobs, (token, count) => this.#open.set(token, (this.#open.get(token) ?? 0) + count))
  }

  /** One attempt under this token needs nothing recorded any more. */
  ended(token: number): void {
    this.#ended(token, 1)
  }

  /** Nothing needs to be recorded any more of these attempts. */
  allEnded(attempts: readonly { readonly token: number }[]): void {
    forEachRun(attempts, (token, count) => this.#ended(token, count))
  }

  #ended(token: number, count: number): void {
    const left = (this.#open.get(token) ?? 0) - count
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

/** Attempts of one claim come and go together: neighbours under the same token are counted once. */
function forEachRun(
  attempts: readonly { readonly token: number }[],
  visit: (token: number, count: number) => void,
): void {
  let from = 0
  for (let at = 1; at <= attempts.length; at++) {
    const token = attempts[from]?.token
    if (token === undefined || attempts[at]?.token === token) continue
    visit(token, at - from)
    from = at
  }
}
