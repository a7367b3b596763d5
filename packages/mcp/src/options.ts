import { type JobQueue, MillraceError } from 'millrace'

/** What `createMcpServer` and `serveMcp` take. */
export interface McpOptions {
  /**
   * The queue that the tools look at, or how to get one, called at the first tool that needs it and again until it succeeds. Not
   * closed by the server.
   */
  readonly queue: JobQueue | (() => JobQueue)
  /** Lets the tools work that change something. Default false: they are not offered, and refuse whoever calls them. */
  readonly allowWrite?: boolean | undefined
  /**
   * Places of payloads, outputs, steps, logs and events whose value is never shown, besides the usual names of secrets
   * (`SECRET_KEYS`): a key (`'iban'`) or a path of keys (`'card.number'`, `'tokens.*'`). As of the dashboard. Messages of errors are
   * not searched. Default none.
   */
  readonly redact?: readonly string[] | undefined
  /** Only the jobs and schedules of this tenant exist then, and what concerns the whole instance is refused. Default: all. */
  readonly tenantId?: string | undefined
  /** Under which name changes are noted in the audit. Default `'mcp'`. */
  readonly actor?: string | undefined
  /**
   * Offers the tool `doctor`, which answers what this finds wrong with the installation; `millrace mcp` passes the checks of
   * `millrace doctor`. Default: there is no such tool.
   */
  readonly doctor?: ((queue: JobQueue) => Promise<Readonly<Record<string, unknown>>>) | undefined
}

/** Keys whose values are never shown: what a tool answers goes to whoever runs the model. */
export const SECRET_KEYS: readonly string[] = [
  'password',
  'passwd',
  'passphrase',
  'secret',
  'clientSecret',
  'client_secret',
  'token',
  'accessToken',
  'access_token',
  'refreshToken',
  'refresh_token',
  'apiKey',
  'api_key',
  'privateKey',
  'private_key',
  'authorization',
  'Authorization',
  'cookie',
  'Cookie',
  'cardNumber',
  'card_number',
  'cvc',
  'cvv',
]

interface Rule {
  readonly expected: string
  readonly fits: (value: unknown) => boolean
}

const TEXT: Rule = { expected: 'a text', fits: isText }

const RULES: { readonly [K in keyof Required<McpOptions>]: Rule } = {
  queue: {
    expected: 'a queue, or a function that makes one',
    fits: (value) => typeof value === 'function' || (typeof value === 'object' && value !== null),
  },
  allowWrite: { expected: 'true or false', fits: (value) => typeof value === 'boolean' },
  redact: { expected: 'an array of texts', fits: (value) => Array.isArray(value) && value.every(isText) },
  tenantId: TEXT,
  actor: TEXT,
  doctor: { expected: 'a function', fits: (value) => typeof value === 'function' },
}

/** @throws MillraceError `OPTION_INVALID`, also for what is misspelt: a forgotten restriction must not open anything. */
export function checkOptions(options: McpOptions): void {
  const given: Readonly<Record<string, unknown>> = { ...options }
  for (const name of new Set(['queue', ...Object.keys(given)])) {
    const value = given[name]
    if (!isKnown(name)) throw invalid(name, value, `one of ${Object.keys(RULES).join(', ')}`)
    const { expected, fits } = RULES[name]
    if ((value !== undefined || name === 'queue') && !fits(value)) throw invalid(name, value, expected)
  }
}

function isKnown(name: string): name is keyof McpOptions {
  return Object.hasOwn(RULES, name)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function invalid(field: string, value: unknown, expected: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `\`${field}\` must be ${expected}, got ${String(value)}.`, {
    details: { field, value, remedy: `Pass ${expected}` },
  })
}
