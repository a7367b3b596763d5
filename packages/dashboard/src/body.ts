import { RequestProblem } from './request-problem.ts'

/** More than any payload may have by default, and a little for what is around it. */
const MAX_BYTES = 2 * 1024 * 1024

/**
 * The JSON object in the body of a request; an empty body is an empty object.
 *
 * @throws RequestProblem 400, 413, 415
 */
export async function readBody(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(request)
  if (text === '') return {}
  const type = request.headers.get('content-type') ?? ''
  // A form can send text/plain to another site without asking.
  if (!/^application\/json\s*(?:;|$)/i.test(type))
    throw new RequestProblem(415, 'NOT_JSON', 'Send `content-type: application/json`.')
  const value = parse(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new RequestProblem(400, 'BODY_INVALID', 'The body must be a JSON object.')
}

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BYTES) throw tooLarge()
  if (request.body === null) return ''
  const reader = request.body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks).toString('utf8')
    size += value.byteLength
    if (size > MAX_BYTES) {
      await reader.cancel()
      throw tooLarge()
    }
    chunks.push(value)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new RequestProblem(400, 'BODY_INVALID', `The body is not JSON: ${message}`)
  }
}

function tooLarge(): RequestProblem {
  return new RequestProblem(413, 'BODY_TOO_LARGE', `The body is larger than ${MAX_BYTES} bytes.`)
}
