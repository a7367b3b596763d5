import type { StepScope } from './step-scope.ts'
import type { WorkflowHost } from './workflow-host.ts'

/**
 * Knows when a handler does nothing but wait: then, and only then, its attempt is suspended. Steps that run beside a wait are
 * awaited; what a handler does outside of steps cannot be seen.
 */
export class Activity {
  readonly #host: WorkflowHost
  /** Steps that run, waits within them included. */
  readonly #steps = new Set<StepScope>()
  readonly #waits = new Set<string>()
  /** Calls to the store, and answers from memory, under way. */
  #calls = 0
  #isLooking = false
  #replays: { readonly order: number; readonly resolve: () => void }[] = []

  constructor(host: WorkflowHost) {
    this.#host = host
  }

  async during<T>(call: () => Promise<T>): Promise<T> {
    this.#calls += 1
    try {
      return await call()
    } finally {
      this.#calls -= 1
      this.#look()
    }
  }

  /**
   * Resolves what is remembered in the order in which it ended, also where several are asked for at once: a race has the same
   * winner again.
   */
  replay(order: number): Promise<void> {
    if (this.#replays.length === 0) this.#host.clock.soon(() => this.#resolveReplays())
    return this.during(
      () =>
        new Promise((resolve) => {
          this.#replays.push({ order, resolve })
        }),
    )
  }

  stepStarted(scope: StepScope): void {
    this.#steps.add(scope)
  }

  stepEnded(scope: StepScope): void {
    this.#steps.delete(scope)
    this.#look()
  }

  /** The handler has come to a wait that is not over. */
  waits(key: string, scope: StepScope | undefined): void {
    this.#waits.add(key)
    for (let at = scope; at !== undefined; at = at.parent) at.waits += 1
    this.#look()
  }

  /** What a step came to does not count any more: the step failed. */
  forget(scope: StepScope): void {
    for (const name of scope.names) this.#waits.delete(name)
    for (let at = scope.parent; at !== undefined; at = at.parent) at.waits -= scope.waits
    scope.waits = 0
  }

  #resolveReplays(): void {
    const replays = this.#replays
    this.#replays = []
    for (const { resolve } of replays.sort((a, b) => a.order - b.order)) resolve()
  }

  /** After whatever follows from what has just happened. */
  #look(): void {
    if (this.#isLooking || this.#waits.size === 0) return
    this.#isLooking = true
    this.#host.clock.soon(() => {
      this.#isLooking = false
      if (this.#host.phase === 'running' && this.#isIdle()) this.#host.suspend([...this.#waits])
    })
  }

  #isIdle(): boolean {
    return this.#calls === 0 && [...this.#steps].every((step) => step.waits > 0)
  }
}
