import type { Problem } from '../src/wire.ts'

/** Where the dashboard is mounted. */
export const base: string = document.querySelector('meta[name="millrace-base"]')?.getAttribute('content') ?? ''

/** What the server answered instead of what was asked for. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, { error, code }: Problem) {
    super(error)
    this.status = status
    this.code = code
  }
}

/** Reads what `/api` + `path` answers. The caller says what that is, as the server's types do. */
export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return send<T>(path, { ...(signal && { signal }) })
}

export function post<T = { readonly ok: boolean }>(path: string, body: object = {}): Promise<T> {
  const headers = { 'content-type': 'application/json', 'x-millrace-dashboard': '1' }
  return send<T>(path, { method: 'POST', headers, body: JSON.stringify(body) })
}

async function send<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetch(`${base}/api${path}`, init)
  const text = await response.text()
  if (!response.ok) throw new ApiError(response.status, problemIn(text, response.status))
  const value: T = JSON.parse(text)
  return value
}

/** What an answer that is not what was asked for says. */
export function problemOf({ status, body }: { readonly status: number; readonly body: unknown }): ApiError {
  const { error = `The server answered ${status}.`, code = '' }: Partial<Problem> = Object(body)
  return new ApiError(status, { error, code })
}

function problemIn(text: string, status: number): Problem {
  try {
    const { error = text, code = '' }: Partial<Problem> = JSON.parse(text)
    return { error, code }
  } catch {
    return { error: text.slice(0, 300) || `The server answered ${status}.`, code: '' }
  }
}

/** A query of those that have a value. */
export function queryOf(values: Readonly<Record<string, string | number | null | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== '') query.set(name, String(value))
  }
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}
