import { MillraceError } from 'millrace'
import type { JobContextFactory, JobHandlerFactory } from './job-handler.ts'

/** What registering a job type takes besides it and its handler. */
export interface RegisterOptions {
  /** Takes the place of what is registered, as a test does with a stand-in. Default `false`: that is an error. */
  readonly override?: boolean | undefined
}

interface Registered<Factory> {
  readonly factory: Factory
  /** The line that registered it. */
  readonly where: string
}

/** A type with everything that running its jobs takes. */
export interface CompleteType {
  readonly handler: JobHandlerFactory
  readonly context: JobContextFactory
}

/** The handlers and context factories of one `JobSystemService`. */
export class JobTypeRegistry {
  readonly #handlers = new Map<string, Registered<JobHandlerFactory>>()
  readonly #contexts = new Map<string, Registered<JobContextFactory>>()

  /** @throws MillraceError `HANDLER_EXISTS` naming both places */
  addHandler(type: string, factory: JobHandlerFactory, options: RegisterOptions | undefined): void {
    add(this.#handlers, { what: 'handler', type, factory }, options)
  }

  /** @throws MillraceError `HANDLER_EXISTS` naming both places */
  addContext(type: string, factory: JobContextFactory, options: RegisterOptions | undefined): void {
    add(this.#contexts, { what: 'context factory', type, factory }, options)
  }

  has(type: string): boolean {
    return this.#handlers.has(type)
  }

  get types(): readonly string[] {
    return [...this.#handlers.keys()]
  }

  /** Types that have both. */
  get complete(): ReadonlyMap<string, CompleteType> {
    return new Map(
      [...this.#handlers].flatMap(([type, { factory }]) => {
        const context = this.#contexts.get(type)?.factory
        return context === undefined ? [] : [[type, { handler: factory, context }] as const]
      }),
    )
  }

  /** What is wrong with what is registered: a half without its other half is a forgotten call, or a name mistyped in one of the two. */
  get fault(): MillraceError | undefined {
    for (const [type, { where }] of this.#handlers) {
      if (!this.#contexts.has(type)) return incomplete('No context factory registered', type, where)
    }
    for (const [type, { where }] of this.#contexts) {
      if (!this.#handlers.has(type)) return incomplete('No handler registered', type, where)
    }
    return undefined
  }
}

function add<Factory>(
  map: Map<string, Registered<Factory>>,
  { what, type, factory }: { readonly what: string; readonly type: string; readonly factory: Factory },
  options: RegisterOptions = {},
): void {
  const field = what === 'handler' ? 'registerJobHandler' : 'registerContextFactory'
  if (typeof type !== 'string' || type === '' || typeof factory !== 'function') {
    throw new MillraceError('OPTION_INVALID', `\`${field}\` takes a job type and a function.`, {
      details: { field, value: type, remedy: `Call \`${field}('my type', () => …)\`` },
    })
  }
  const where = callSite()
  const before = map.get(type)
  if (before !== undefined && options.override !== true) {
    throw new MillraceError(
      'HANDLER_EXISTS',
      `A ${what} for the job type "${type}" is registered already, at ${before.where}; now again at ${where}. Give one of the types another name, or pass \`{ override: true }\`.`,
      { details: { field: 'type', value: type, remedy: 'Rename one of the types, or pass `{ override: true }`' } },
    )
  }
  map.set(type, { factory, where })
}

function incomplete(message: string, type: string, where: string): MillraceError {
  return new MillraceError(
    'CONFIG_INVALID',
    `${message} for job type "${type}", whose other half is registered at ${where}. The strings given to registerJobHandler and registerContextFactory must be equal.`,
    { details: { field: 'type', value: type, remedy: 'Register both under the same string' } },
  )
}

/** Where the caller of the service is. */
function callSite(): string {
  const lines = (new Error('for its stack').stack ?? '').split('\n').slice(1)
  const outside = lines.find((line) => !/job-system[\\/](registry|service)\.[jt]s/.test(line))
  return outside?.trim().replace(/^at /, '') ?? 'an unknown place'
}
