import { createDashboard, type DashboardOptions } from '@millrace/dashboard'
import { fatal } from 'millrace'
import { beforeAll, describe, expect, test } from 'vitest'
import { hasServer, useInstance } from './instance.ts'

const ODD = 'odd "type"\\\n'

describe.skipIf(!hasServer)('the metrics of the dashboard', () => {
  const instance = useInstance('dash_metrics')
  beforeAll(async () => {
    const { queue } = instance
    await queue.addJobs(Array.from({ length: 8 }, () => ({ jobType: 'mail', payload: {} })))
    await queue.addJobs([
      { jobType: 'mail', payload: {}, queue: 'eu' },
      { jobType: ODD, payload: {} },
    ])
    const handlers = {
      mail: () => 'sent',
      [ODD]: () => {
        throw fatal(new Error('no'))
      },
    }
    while ((await instance.run(handlers)) > 0);
  })

  const ask = (path: string, options: DashboardOptions = {}): Promise<Response> =>
    createDashboard(instance.queue, options)(new Request(`http://localhost${path}`), { remoteAddress: '127.0.0.1' })

  test('tell what ended, in time and by type', async () => {
    const response = await ask('/q/api/metrics', { basePath: '/q' })
    const view = (await response.json()) as { points: { completed: number; failed: number }[]; stepMinutes: number }
    expect(view).toMatchObject({
      stepMinutes: 1,
      total: { completed: 9, retried: 0, failed: 1 },
      types: [
        { jobType: 'mail', completed: 9, failed: 0 },
        { jobType: ODD, completed: 0, failed: 1 },
      ],
    })
    expect(view.points.length).toBe(60)
    expect(view.points.reduce((sum, { completed }) => sum + completed, 0)).toBe(9)
    for (const minutes of [360, 1440, 4320]) {
      const longer = (await (await ask(`/q/api/metrics?minutes=${minutes}`, { basePath: '/q' })).json()) as typeof view
      expect(longer.points.length * longer.stepMinutes).toBe(minutes)
      expect(longer.points.reduce((sum, { completed }) => sum + completed, 0)).toBe(9)
    }
    expect((await ask('/q/api/metrics?minutes=61', { basePath: '/q' })).status).toBe(400)
  })

  test.each([['/q/metrics', '/q'] as const, ['/metrics', ''] as const, ['/some/where/metrics', undefined] as const])(
    'are there for Prometheus at %s (base path %s)',
    async (path, basePath) => {
      const response = await ask(path, basePath === undefined ? {} : { basePath })
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
      const lines = (await response.text()).trimEnd().split('\n')
      expect(lines).toContain('millrace_jobs{status="completed"} 9')
      expect(lines).toContain('millrace_workers 0')
      expect(lines).toContain('millrace_attempts_total{job_type="mail",queue="",outcome="completed"} 8')
      expect(lines).toContain('millrace_attempts_total{job_type="mail",queue="eu",outcome="completed"} 1')
      expect(lines).toContain(
        String.raw`millrace_attempts_total{job_type="odd \"type\"\\\n",queue="",outcome="failed"} 1`,
      )
      expect(lines).toContain('millrace_run_seconds_bucket{job_type="mail",queue="",le="+Inf"} 8')
      expect(lines).toContain('millrace_run_seconds_count{job_type="mail",queue=""} 8')
      const within = lines.flatMap((line) =>
        line.startsWith('millrace_run_seconds_bucket{job_type="mail",queue="",')
          ? [Number(line.split(' ').at(-1))]
          : [],
      )
      expect(within).toEqual(within.toSorted((one, other) => one - other))
      expect([within.length, within.at(-1)]).toEqual([29, 8])
      // Each family is declared once, before its samples, and every line is one that Prometheus can read.
      for (const line of lines)
        expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="(\\.|[^"\\])*",?)+\})? [\d.e+-]+)$/)
    },
  )

  test('are shown to nobody who may not see the whole instance', async () => {
    for (const path of ['/q/metrics', '/q/api/metrics']) {
      expect((await ask(path, { basePath: '/q', authorize: () => false })).status).toBe(401)
      expect((await ask(path, { basePath: '/q', authorize: () => ({ tenantId: 'acme' }) })).status).toBe(403)
      expect((await ask(path, { basePath: '/q', authorize: () => ({ canChange: false }) })).status).toBe(200)
    }
  })
})
