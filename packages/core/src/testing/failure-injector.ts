import type { JobHandler } from '../model/handler.ts'

/** Makes attempts fail that a test wants to fail, before their handlers are called. */
export class FailureInjector {
  readonly #planned = new Map<string, unknown[]>()

  failNext(jobType: string, error: unknown, times: number): void {
    const planned = this.#planned.get(jobType) ?? []
    this.#planned.set(jobType, planned)
    for (let n = 0; n < times; n++) planned.push(error)
  }

  reset(): void {
    this.#planned.clear()
  }

  /** The same handlers, each after a look at what is planned for its type. */
  wrap(handlers: Readonly<Record<string, JobHandler>>): Record<string, JobHandler> {
    return Object.fromEntries(
      Object.entries(handlers).map(([jobType, handler]) => [jobType, this.#wrapOne(jobType, handler)]),
    )
  }

  #wrapOne(jobType: string, handler: JobHandler): JobHandler {
    // Handlers in a module run elsewhere, and definitions with versions are objects: those are left as they are.
    if (typeof handler !== 'function') return handler
    return (payload, signal, ctx) => {
      const planned = this.#planned.get(jobType)
      if (planned === undefined || planned.length === 0) return handler(payload, signal, ctx)
      throw planned.shift()
    }
  }
}
