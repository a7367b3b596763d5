import { MAX_DURATION_MS, MAX_NAME_LENGTH, refuseOption } from '../model/check.ts'

export function checkName(field: string, value: string): void {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_NAME_LENGTH && !value.includes('\0')) return
  refuseOption(field, value, `a string of 1 to ${MAX_NAME_LENGTH} characters`, 'Use a short name')
}

export function checkDuration(field: string, value: number): void {
  if (typeof value === 'number' && value >= 1000 && value <= MAX_DURATION_MS) return
  refuseOption(
    field,
    value,
    'a number of milliseconds from 1000',
    'Use a few seconds at least: it is extended at a third of it',
  )
}
