import { MillraceError } from '../errors.ts'

export function retriedMeanwhile(id: number): MillraceError {
  return new MillraceError('LEASE_LOST', `Job ${id} was retried while this attempt of it ran.`)
}

export function shuttingDown(): MillraceError {
  return new MillraceError(
    'SHUTTING_DOWN',
    'The worker is shutting down; the job is handed back and its attempt not used up.',
  )
}
