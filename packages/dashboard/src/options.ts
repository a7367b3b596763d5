import { MillraceError } from 'millrace'
import type { ProcessorHandlers, ProcessorOptions } from 'millrace'

/** What somebody may see and do. */
export interface DashboardAccess {
  /** Who it is, for the page and the audit. Default none; the audit says `dashboard` then. */
  readonly actor?: string
  /** Whether anything may be changed. Default true. */
  readonly canChange?: boolean
  /**
   * Only what belongs to this tenant exists then: other jobs and schedules are not found, what is added belongs to it, and what
   * concerns the whole instance (workers, invariants) is refused.
   */
  readonly tenantId?: string
}

/** Decides on every request, also on those for the page itself. A `Response`, such as a redirection to a login, is sent as it is. */
export type DashboardAuthorize = (
  request: Request,
) => boolean | DashboardAccess | Response | Promise<boolean | DashboardAccess | Response>

/** What `createDashboard` takes besides the queue. */
export interface DashboardOptions<PayloadMap = Record<string, unknown>> {
  /**
   * Where it is mounted, such as `/admin/jobs`. Default: found from each request, which works wherever the path itself does not
   * look like one of the API (`/api/jobs` does).
   */
  readonly basePath?: string | undefined
  /**
   * Who may come in. Without it only a request from this machine itself is answered, which the handler knows only of
   * `toNodeHandler` and `serveDashboard`, or of the `remoteAddress` it is given.
   */
  readonly authorize?: DashboardAuthorize | undefined
  /** Nothing can be changed, whoever asks. Default false. */
  readonly readOnly?: boolean | undefined
  /**
   * Places of payloads, outputs, progress, steps and events whose value never leaves the server: a key (`'password'`) or a path of
   * keys (`'card.number'`, `'tokens.*'`), wherever it occurs. Messages of errors are not searched.
   */
  readonly redact?: readonly string[] | undefined
  /**
   * Names this server is reached by, with the port unless it may be any: `'admin.example.com'`, `'*.example.com'`, or `'*'` for
   * any. Those of the machine itself (`localhost`, `127.0.0.1`, `[::1]`) are always allowed.
   */
  readonly allowedHosts?: readonly string[] | undefined
  /** Enables "run a batch now" (`POST /api/process`) with these handlers, in the request. Default: off. */
  readonly handlers?: ProcessorHandlers<PayloadMap> | undefined
  /** Of the processor that `handlers` are for. Default: a batch of 10. */
  readonly processorOptions?: ProcessorOptions | undefined
  /** Job types that the form for adding a job offers besides those that workers announce. Default none. */
  readonly jobTypes?: readonly string[] | undefined
}

/** `DashboardOptions` after validation. */
export interface Settings {
  /** Without a slash at the end; `null`: to be found. */
  readonly basePath: string | null
  readonly authorize: DashboardAuthorize | null
  readonly readOnly: boolean
  readonly redact: readonly (readonly string[])[]
  readonly allowedHosts: readonly string[]
  readonly jobTypes: readonly string[]
}

const NAMES: ReadonlySet<string> = new Set<keyof DashboardOptions>([
  'basePath',
  'authorize',
  'readOnly',
  'redact',
  'allowedHosts',
  'handlers',
  'processorOptions',
  'jobTypes',
])

/** What a base path may consist of; anything else would have to be escaped in the page. */
const BASE_PATH = /^(?:\/[\w.~-]+)*\/?$/

/** @throws MillraceError `OPTION_INVALID` */
export function checkOptions<PayloadMap>(options: DashboardOptions<PayloadMap>): Settings {
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) refuse(name, Reflect.get(options, name), `one of ${[...NAMES].join(', ')}`)
  }
  const { basePath, authorize, readOnly = false } = options
  if (basePath !== undefined && !isBasePath(basePath)) refuse('basePath', basePath, "a path such as '/admin/jobs'")
  if (authorize !== undefined && typeof authorize !== 'function') refuse('authorize', authorize, 'a function')
  if (typeof readOnly !== 'boolean') refuse('readOnly', readOnly, 'true or false')
  return {
    basePath: basePath === undefined ? null : basePath.replace(/\/$/, ''),
    authorize: authorize ?? null,
    readOnly,
    redact: texts('redact', options.redact).map((path) => path.split('.')),
    allowedHosts: texts('allowedHosts', options.allowedHosts).map((host) => host.toLowerCase()),
    jobTypes: texts('jobTypes', options.jobTypes),
  }
}

/** Whether a path can be one that the dashboard is mounted at; it goes into the page as it is. */
export function isBasePath(path: unknown): path is string {
  return typeof path === 'string' && BASE_PATH.test(path)
}

function texts(field: string, values: readonly string[] | undefined): readonly string[] {
  if (values === undefined) return []
  const isList = Array.isArray(values) && values.every((value) => typeof value === 'string' && value !== '')
  return isList ? values : refuse(field, values, 'an array of texts')
}

export function refuse(field: string, value: unknown, expected: string): never {
  throw new MillraceError('OPTION_INVALID', `\`${field}\` must be ${expected}, got ${String(value)}.`, {
    details: { field, value, remedy: `Pass ${expected}` },
  })
}
