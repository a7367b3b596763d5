import { createDashboard, serveDashboard } from '@millrace/dashboard'
import { beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, launchChromium } from './chromium.ts'
import { hasServer, useCleanup, useInstance } from './instance.ts'
import { openPage } from './watched-page.ts'

const LOCAL = { remoteAddress: '127.0.0.1' }
const COMMON = 21_000

describe.skipIf(!hasServer)('a search for what is far down', { timeout: 60_000 }, () => {
  const instance = useInstance('dash_search')
  const cleanup = useCleanup()
  let rare = 0
  beforeAll(async () => {
    rare = await instance.queue.addJob({ jobType: 'rare', payload: {}, tags: ['rare'] })
    for (let added = 0; added < COMMON; added += 3000) {
      await instance.queue.addJobs(Array.from({ length: 3000 }, () => ({ jobType: 'common', payload: {} })))
    }
  })

  const list = async (
    query: string,
  ): Promise<{ jobs: { id: number }[]; hasMore: boolean; nextCursor: number | null }> => {
    const dashboard = createDashboard(instance.queue, { basePath: '/q' })
    const response = await dashboard(new Request(`http://localhost/q/api/jobs?${query}`), LOCAL)
    return (await response.json()) as Awaited<ReturnType<typeof list>>
  }

  test('ends after a bounded number of jobs and goes on from there', async () => {
    const first = await list('jobType=rare')
    expect(first).toMatchObject({ jobs: [], hasMore: true })
    const second = await list(`jobType=rare&cursor=${first.nextCursor}`)
    expect(second).toMatchObject({ jobs: [{ id: rare }], hasMore: false, nextCursor: null })
    expect(await list('jobType=none&tag=rare')).toMatchObject({ jobs: [], nextCursor: null })
  })

  test('finds what has an index at once', async () => {
    expect(await list('tag=rare')).toMatchObject({ jobs: [{ id: rare }], hasMore: false })
    const exact = await instance.queue.searchJobs({ tags: { values: ['rare'], mode: 'exact' } })
    expect([exact.jobs.map(({ id }) => id), exact.nextCursor]).toEqual([[rare], null])
  })

  test.skipIf(!hasChromium)('says so on the page, and searches further when told to', async () => {
    await using browser = await launchChromium()
    const server = await serveDashboard(instance.queue)
    try {
      const { page } = cleanup(await openPage(browser, `${server.url}#/jobs?jobType=rare`))
      await page.getByRole('status').filter({ hasText: 'None among the jobs down to' }).waitFor()
      expect(await page.getByRole('button', { name: 'Older' }).isDisabled()).toBe(true)
      await page.getByRole('button', { name: 'Search further' }).click()
      await page.getByRole('link', { name: String(rare), exact: true }).waitFor()
      await page.getByRole('button', { name: 'Search further' }).waitFor({ state: 'detached' })
    } finally {
      await server.close()
    }
  })
})
