import { describe, expect, test } from 'vitest'
import { faultsOf, type History, type Life, type Ran } from './restarts.ts'

/** `next.test.ts` runs the processes; here, that what must not happen would be seen. */
describe('the check of a history of restarts', () => {
  const life = (pid: number, output: string, ending: Partial<Life> = {}): Life => ({
    instance: `p${pid}`,
    pid,
    output,
    ...ending,
  })
  const ran = (name: string, status = 'completed', events: Ran['events'] = []): Ran => ({ name, status, events })
  const KILLED = { signal: 'SIGKILL', exit: 'SIGKILL' } as const
  const reclaimed = (pid: number): Ran['events'] => [
    { eventType: 'reclaimed', metadata: { workerId: `host:${pid}:0f`, outcome: 'lost' } },
  ]

  test('finds nothing in a kill that another process makes good, and in a stop', () => {
    const history: History = {
      lives: [
        life(1, 'started a\n', KILLED),
        life(2, 'working\nstarted a\nstarted b\nsent b\nsent a\n', { signal: 'SIGTERM', exit: 0 }),
      ],
      jobs: [ran('a', 'completed', reclaimed(1)), ran('b')],
    }
    expect(faultsOf(history)).toEqual([])
  })

  test.each<[string, History]>([
    ['p1 (1) began a and did not end it', { lives: [life(1, 'started a\n'), life(2, 'sent a\n')], jobs: [ran('a')] }],
    [
      'p1 (1) ended with 1 at SIGTERM',
      { lives: [life(1, 'started a\nsent a\n', { signal: 'SIGTERM', exit: 1 })], jobs: [ran('a')] },
    ],
    [
      'a was run by two processes of which neither was killed',
      { lives: [life(1, 'started a\nsent a\n'), life(2, 'started a\nsent a\n')], jobs: [ran('a')] },
    ],
    ['a is pending', { lives: [life(1, 'started a\nsent a\n')], jobs: [ran('a', 'pending')] }],
    ['a was never run', { lives: [life(1, 'started ab\nsent ab\n')], jobs: [ran('a')] }],
    [
      'a failed: boom',
      {
        lives: [life(1, 'started a\nsent a\n')],
        jobs: [ran('a', 'completed', [{ eventType: 'failed', metadata: { message: 'boom' } }])],
      },
    ],
    [
      'a was taken from host:2:0f, which was not killed',
      { lives: [life(1, '', KILLED), life(2, 'started a\nsent a\n')], jobs: [ran('a', 'completed', reclaimed(2))] },
    ],
  ])('finds: %s', (fault, history) => {
    expect(faultsOf(history)).toEqual([fault])
  })
})
