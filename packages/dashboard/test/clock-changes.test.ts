import { expect, test } from 'vitest'
import { clockChangeNotes } from '../src/clock-changes.ts'

const FROM = new Date('2026-11-25T12:00:00Z')
const notes = (cronExpression: string, timezone: string): string[] =>
  clockChangeNotes({ cronExpression, timezone }, FROM)

test('a time that the clock skips, and one that it shows twice, is told with the day and what happens', () => {
  expect(notes('30 2 * * *', 'Europe/Berlin')).toEqual([
    'On Sunday 28 March 2027 the clock skips 02:30; it runs at 03:00.',
    'On Sunday 31 October 2027 the clock shows 02:30 twice; it runs the first time only.',
  ])
  expect(notes('0 2 * * 0', 'America/New_York')[0]).toContain('Sunday 14 March 2027 the clock skips 02:00')
})

test('half an hour is one too, and south of the equator spring is in October', () => {
  expect(notes('15 2 * * *', 'Australia/Lord_Howe')).toEqual([
    'On Sunday 3 October 2027 the clock skips 02:15; it runs at 02:30.',
  ])
  expect(notes('45 1 * * *', 'Australia/Lord_Howe')).toEqual([
    'On Sunday 4 April 2027 the clock shows 01:45 twice; it runs the first time only.',
  ])
})

test('a day that is over before the clock goes on has no such run', () => {
  expect(notes('30 23 * * *', 'America/Scoresbysund')).toContain(
    'On Saturday 27 March 2027 the clock skips 23:30; it does not run then.',
  )
})

test.each([
  ['30 2 * * *', 'UTC'],
  ['30 2 * * *', 'Asia/Kolkata'],
  ['30 9 * * *', 'Europe/Berlin'],
  // Neither change is on a weekday.
  ['30 2 * * 1-5', 'Europe/Berlin'],
  ['*/15 * * * *', 'Europe/Berlin'],
  ['30 */2 * * *', 'Europe/Berlin'],
  ['@hourly', 'Europe/Berlin'],
])('nothing is said of %s in %s', (expression, timezone) => {
  expect(notes(expression, timezone)).toEqual([])
})
