/** One step into a value: a key, or the position in an array, a map or a set. */
export type PathStep = string | number

/** Where something is, as one would write it in code: `payload.items[3]["odd key"]`. */
export function formatPath(root: string, steps: readonly PathStep[]): string {
  let path = root
  for (const step of steps.slice(0, MAX_STEPS)) {
    if (typeof step === 'number') path += `[${step}]`
    else path += /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(shorten(step))}]`
  }
  return steps.length > MAX_STEPS ? `${path}…` : path
}

/** A path is read by people; one that is deeper than this says no more. */
const MAX_STEPS = 20

function shorten(key: string): string {
  return key.length > 60 ? `${key.slice(0, 59)}…` : key
}
