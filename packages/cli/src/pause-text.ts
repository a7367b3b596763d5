import type { PauseScope } from 'millrace'

/** Which jobs a pause covers, for people. */
export function scopeText({ jobType, queue, group, tenantId }: PauseScope): string {
  const parts = Object.entries({ type: jobType, queue, group, tenant: tenantId })
  const named = parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]))
  return named.length === 0 ? 'all jobs' : named.join(', ')
}
