import pg from 'pg'
import { initJobQueue } from 'millrace'
import { expect, test } from 'vitest'
import { startServer } from '../src/run/server.ts'
import { defaultSettings } from '../src/run/settings.ts'
import { promote, startStandby } from '../src/run/standby.ts'

async function ask(url: string, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ answer: unknown }>(`select ${text} as answer`)
    return rows[0]?.answer
  } finally {
    await client.end()
  }
}

test(
  'a standby that has an add and has not replayed it does not say that there was none',
  { timeout: 60_000 },
  async () => {
    const settings = defaultSettings({ store: 'postgres', seed: 1, leaseMs: 3000, version: 18 })
    const primary = await startServer({ version: 18, settings: settings.server })
    try {
      const queue = initJobQueue({ databaseConfig: { connectionString: primary.url } })
      await queue.ready()
      await queue.close()
      const standby = await startStandby(primary, settings, undefined)
      try {
        await ask(standby.url, 'pg_wal_replay_pause()')
        const id = await ask(primary.url, "millrace.add_plain_job('work', '{}', 0, 77, false)")
        expect(await ask(standby.url, '(select count(*)::integer from millrace.jobs)')).toBe(0)
        await expect(ask(standby.url, 'millrace.find_added(77, 0)')).rejects.toMatchObject({ code: '25006' })
        await primary.stop('immediate')
        await ask(standby.url, 'pg_wal_replay_resume()')
        await promote(standby)
        expect(await ask(standby.url, 'millrace.find_added(77, 0)')).toEqual([id])
      } finally {
        await standby.stop('immediate')
      }
    } finally {
      await primary.stop('immediate')
    }
  },
)
