import { MillraceError } from '../errors.ts'
import { describe } from '../model/check.ts'

/**
 * Refuses what is not a handle of the library, so that a wrong argument is told here and not from inside a driver.
 *
 * @param expected - Completes "takes …", and says where to get one.
 */
export function refuseHandle(adapter: string, handle: unknown, expected: string): never {
  throw new MillraceError('OPTION_INVALID', `\`${adapter}\` takes ${expected}; got ${describe(handle)}.`, {
    details: { field: 'db', value: handle, remedy: `Pass ${expected}` },
  })
}

/** Whether `value` has a method of this name; what users pass is checked because JavaScript callers have no types. */
export function hasMethod(value: unknown, name: string): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return typeof Reflect.get(value, name) === 'function'
}
