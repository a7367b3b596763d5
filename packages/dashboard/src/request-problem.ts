/** Why a request is not answered as it asks; thrown anywhere below the handler, which makes a response of it. */
export class RequestProblem extends Error {
  override readonly name: string = 'RequestProblem'
  readonly status: number
  /** Stable, for programs; the message says the same to people. */
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}
