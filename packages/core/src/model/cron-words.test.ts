import { expect, test } from 'vitest'
import { describeCron } from './cron-words.ts'

test.each([
  ['30 2 * * *', 'every day at 02:30'],
  ['30 2 * * 1-5', 'at 02:30, Monday to Friday'],
  ['0 9 * * mon,wed', 'at 09:00, Monday and Wednesday'],
  ['0 9,17 * * *', 'every day at 09:00 and 17:00'],
  ['0 9-17 * * 1-5', 'every hour from 09:00 to 17:59, Monday to Friday'],
  ['0 8-10 * * *', 'every day at 08:00, 09:00 and 10:00'],
  ['15 3 1 * *', 'at 03:15 on day 1 of the month'],
  ['0 0 1,15 jan,jul *', 'at 00:00 on day 1 and 15 of January and July'],
  ['0 12 * 6-8 *', 'at 12:00, every day in June to August'],
  ['0 12 * 12 7', 'at 12:00, Sunday in December'],
  ['*/15 * * * *', 'every 15 minutes'],
  ['* * * * *', 'every minute'],
  ['*/5 9-17 * * 1-5', 'every 5 minutes from 09:00 to 17:59, Monday to Friday'],
  ['0 * * * *', 'every hour'],
  ['0 */2 * * *', 'every 2 hours'],
  ['1 * * * *', 'at 1 minute past every hour'],
  ['10,40 * * * *', 'at 10 and 40 minutes past every hour'],
  ['30 */6 * * 0', 'at 30 minutes past every 6 hours, Sunday'],
  ['*/10 * * * * *', 'every 10 seconds'],
  ['30 5 4 * * *', 'every day at 04:05:30'],
  ['@daily', 'every day at 00:00'],
  ['@weekly', 'at 00:00, Sunday'],
  ['@HOURLY', 'every hour'],
])('%s: %s', (expression, words) => {
  expect(describeCron(expression)).toBe(words)
})

test.each(['0 0 L * *', '0 0 * * 5#2', '0 0 13 * 5', '0-30/5 * * * *', '0 0 */2 * *', '0 0 0 1 1 * 2030', 'soon', ''])(
  '“%s” stays as it is',
  (expression) => {
    expect(describeCron(expression)).toBeNull()
  },
)
