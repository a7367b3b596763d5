/** A promise that a test settles when it is time, instead of sleeping. */
export interface Gate<T> {
  readonly promise: Promise<T>
  readonly open: (value: T) => void
  readonly fail: (error: unknown) => void
}

/** A closed gate. */
export function createGate<T = void>(): Gate<T> {
  let open = (_value: T): void => undefined
  let fail = (_error: unknown): void => undefined
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { promise, open, fail }
}

/** One turn of the event loop: every promise that can settle has settled afterwards. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
