import { createHash, timingSafeEqual } from 'node:crypto'
import { MillraceError } from '../errors.ts'

/** Whether a request may have what it asks for. */
export type Authorize = (request: Request) => boolean | Promise<boolean>

/**
 * Lets requests pass that carry `Authorization: Bearer <secret>`, compared in constant time.
 *
 * @throws MillraceError `OPTION_INVALID` for an absent or empty secret, so that a variable that is not set opens nothing
 */
export function authorizeBearer(secret: string | undefined): Authorize {
  if (secret === undefined || secret === '') {
    throw new MillraceError('OPTION_INVALID', '`secret` is empty. Set it, for example as CRON_SECRET.', {
      details: { field: 'secret', remedy: 'Set it, for example as CRON_SECRET' },
    })
  }
  const expected = digest(`Bearer ${secret}`)
  return (request) => timingSafeEqual(digest(request.headers.get('authorization') ?? ''), expected)
}

/** Of equal length whatever the text. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
