import { createDashboard, type DashboardHandler, describeDashboardApi } from '@millrace/dashboard'
import { isMillraceError, type JobQueue } from 'millrace'
import type { JobTool } from './job-tools.ts'
import { type McpOptions, SECRET_KEYS } from './options.ts'
import type { OfferedTool } from './tool.ts'

/** Why a call came to nothing. */
export interface Problem {
  /** Stable: of Millrace or of the dashboard's API, such as `JOB_NOT_FOUND`, `PARAMETER_INVALID`, `READ_ONLY`. */
  readonly code: string
  readonly error: string
}

/** What a call came to. */
export type Answer =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly problem: Problem }

/** The dashboard's API in this process, with the rights that the options give. */
export interface Api {
  call(tool: JobTool, given: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Answer>
  /** What the option `doctor` finds. */
  examine(): Promise<Answer>
}

/** Never sent anywhere: the handler is called directly. */
const ORIGIN = 'http://localhost'

/** Opens the queue at the first call that needs it, and again until it succeeds. */
export function openApi(options: McpOptions): Api {
  const { allowWrite = false, redact = [], tenantId, actor = 'mcp', doctor } = options
  let opened: { readonly queue: JobQueue; readonly handler: DashboardHandler } | undefined
  const open = (): NonNullable<typeof opened> => {
    const queue = typeof options.queue === 'function' ? options.queue() : options.queue
    const handler = createDashboard(queue, {
      basePath: '/',
      readOnly: !allowWrite,
      redact: [...SECRET_KEYS, ...redact],
      authorize: () => ({ actor, canChange: allowWrite, ...(tenantId !== undefined && { tenantId }) }),
    })
    return { queue, handler }
  }
  return {
    call: (tool, given, signal) =>
      attempt(async () => {
        opened ??= open()
        return answerOf(await opened.handler(requestOf(tool, given, signal)))
      }),
    examine: () =>
      attempt(async () => {
        if (tenantId !== undefined) return refusal('TENANT_ONLY', 'This concerns more than one tenant.')
        opened ??= open()
        return { ok: true, value: (await doctor?.(opened.queue)) ?? {} }
      }),
  }
}

export function refusal(code: string, error: string): Answer {
  return { ok: false, problem: { code, error } }
}

async function attempt(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work()
  } catch (error) {
    if (!isMillraceError(error)) return refusal('FAILED', error instanceof Error ? error.message : String(error))
    const { remedy } = error.details
    const isSaid = remedy === undefined || error.message.includes(remedy)
    return refusal(error.code, isSaid ? error.message : `${error.message} Remedy: ${remedy}.`)
  }
}

async function answerOf(response: Response): Promise<Answer> {
  const body: unknown = await response.json()
  const value = typeof body === 'object' && body !== null ? { ...body } : { value: body }
  if (response.ok) return { ok: true, value }
  const { error, code } = { error: response.statusText, code: 'FAILED', ...value }
  return refusal(String(code), String(error))
}

function requestOf({ method, path }: JobTool, given: Readonly<Record<string, unknown>>, signal: AbortSignal): Request {
  const rest = { ...given }
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const { [name]: value } = rest
    delete rest[name]
    return encodeURIComponent(String(value))
  })
  const url = new URL(`${ORIGIN}/api${filled}`)
  if (method === 'GET') {
    for (const [name, value] of Object.entries(rest)) url.searchParams.append(name, String(value))
    return new Request(url, { signal })
  }
  const headers = { 'content-type': 'application/json', 'x-millrace-dashboard': '1' }
  return new Request(url, { method, headers, body: JSON.stringify(rest), signal })
}

/** What a tool takes, by the description of the API. */
export function inputOf({ method, path, required = [] }: JobTool): Pick<OfferedTool, 'properties' | 'required'> {
  const operation = describeDashboardApi().paths[path]?.[method.toLowerCase()]
  if (operation === undefined) throw new Error(`the API has no ${method} ${path}`)
  const parameters = operation.parameters.filter(({ in: place }) => place !== 'header')
  const inPath = parameters.filter(({ in: place }) => place === 'path').map(({ name }) => name)
  const properties = {
    ...Object.fromEntries(parameters.map(({ name, schema }) => [name, schema])),
    ...operation.requestBody?.content['application/json'].schema.properties,
  }
  return { properties, required: [...inPath, ...required] }
}
