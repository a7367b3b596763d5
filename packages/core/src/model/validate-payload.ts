import type { StandardSchemaV1 } from '@standard-schema/spec'
import { MillraceError } from '../errors.ts'
import { describe } from './check.ts'
import { formatPath } from './payload-path.ts'
import type { PathStep } from './payload-path.ts'

/** What a schema made of a value: its output, with defaults and transforms applied. */
export interface CheckedPayload {
  readonly value: unknown
}

/** How many issues a message lists; `cause` of the error holds all of them. */
const MAX_ISSUES = 5

/**
 * Validates `value` with the schema of its job type; a promise only when the schema answers one. Without a schema the
 * value is taken as it is.
 *
 * @throws MillraceError `PAYLOAD_INVALID` with every issue's path, or the promise rejects with it.
 */
export function checkPayload(
  definition: { readonly payload?: StandardSchemaV1 | undefined } | undefined,
  value: unknown,
  jobType: string,
): CheckedPayload | Promise<CheckedPayload> {
  const schema = definition?.payload
  if (schema === undefined) return { value }
  let result: StandardSchemaV1.Result<unknown> | Promise<StandardSchemaV1.Result<unknown>>
  try {
    result = schema['~standard'].validate(value)
  } catch (cause) {
    throw schemaThrew(jobType, cause)
  }
  if (!('then' in result)) return accepted(jobType, result)
  return result.then(
    (settled) => accepted(jobType, settled),
    (cause: unknown) => Promise.reject(schemaThrew(jobType, cause)),
  )
}

function accepted(jobType: string, result: StandardSchemaV1.Result<unknown>): CheckedPayload {
  if (!result.issues) return result
  const issues = result.issues.map((issue) => ({ path: formatPath('payload', stepsOf(issue)), message: issue.message }))
  const listed = issues.slice(0, MAX_ISSUES).map((issue) => `\`${issue.path}\`: ${issue.message}`)
  const more = issues.length > MAX_ISSUES ? `; and ${issues.length - MAX_ISSUES} more` : ''
  const remedy = `Change the payload, or the schema of \`${jobType}\``
  throw new MillraceError(
    'PAYLOAD_INVALID',
    `The payload of \`${jobType}\` does not satisfy its schema. ${listed.join('; ')}${more}`,
    {
      cause: new AggregateError(result.issues, 'schema issues'),
      details: { field: issues[0]?.path ?? 'payload', value: issues, remedy },
    },
  )
}

function stepsOf(issue: StandardSchemaV1.Issue): readonly PathStep[] {
  return (issue.path ?? []).map((segment) => {
    const key = typeof segment === 'object' ? segment.key : segment
    return typeof key === 'symbol' ? String(key) : key
  })
}

function schemaThrew(jobType: string, cause: unknown): MillraceError {
  const remedy = 'Make the schema report issues instead of throwing'
  const what = describe(cause instanceof Error ? cause.message : cause)
  return new MillraceError('PAYLOAD_INVALID', `The schema of \`${jobType}\` threw ${what}. ${remedy}.`, {
    cause,
    details: { field: 'payload', remedy },
  })
}
