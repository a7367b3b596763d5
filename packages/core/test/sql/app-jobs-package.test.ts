import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { initJobQueue } from '../../src/index.ts'
import { appJobsPackage } from '../../src/sql/index.ts'
import { SQL_SERVERS } from '../support/sql-instance.ts'

const A = '5b720132-17d5-424d-9bcb-ee7b17c13d43'

describe.each(SQL_SERVERS)('the package form of app_jobs on PostgreSQL %s', (version, url) => {
  describe.skipIf(url === '')('with a server', () => {
    const name = `app_jobs_package_${version}`
    const address = new URL(url === '' ? 'postgres://localhost' : url)
    address.pathname = `/${name}`
    const files = appJobsPackage('mill')
    let admin: pg.Client
    let client: pg.Client

    beforeAll(async () => {
      admin = new pg.Client({ connectionString: url })
      await admin.connect()
      await admin.query(`drop database if exists ${name} with (force)`)
      await admin.query(`create database ${name}`)
      client = new pg.Client({ connectionString: address.href })
      await client.connect()
    })
    afterAll(async () => {
      await client.end()
      await admin.query(`drop database ${name} with (force)`)
      await admin.end()
    })

    /** The changes of the plan, in its order. */
    const changes = [...(files['pgpm.plan'] ?? '').matchAll(/^(schemas\/\S+)/gm)].map(([, change]) => change ?? '')
    const run = async (kind: 'deploy' | 'verify' | 'revert', change: string): Promise<unknown> => {
      const script = files[`${kind}/${change}.sql`]
      if (script === undefined) throw new Error(`${kind}/${change}.sql is missing`)
      return client.query(script).catch(async (error: unknown) => {
        await client.query('rollback')
        throw error
      })
    }
    const schemas = async (): Promise<unknown[]> =>
      (await client.query(`select nspname from pg_namespace where nspname !~ '^pg_' order by 1`)).rows

    it('has a deploy, a verify and a revert script for each change of its plan, and no others', () => {
      const scripts = ['deploy', 'verify', 'revert'].flatMap((kind) => changes.map((change) => `${kind}/${change}.sql`))
      expect(Object.keys(files).toSorted()).toEqual([...scripts, 'millrace-app-jobs.control', 'pgpm.plan'].toSorted())
    })

    it('deploys, verifies, works, deploys again without losing anything, and reverts to nothing', async () => {
      const before = await schemas()
      for (const change of changes) {
        await expect(run('verify', change)).rejects.toThrow(/does not exist/)
        await run('deploy', change)
        await run('verify', change)
      }
      await client.query(`select app_jobs.add_job('${A}', 'kept')`)
      for (const change of changes) await run('deploy', change)
      const { rows } = await client.query(`select task_identifier from app_jobs.get_job('wkr-1')`)
      expect(rows).toEqual([{ task_identifier: 'kept' }])

      // A queue takes it for an instance that is up to date.
      await using queue = initJobQueue({
        databaseConfig: { connectionString: address.href, max: 1 },
        schema: 'mill',
        migrate: 'check',
        with: ['app_jobs'],
        listen: false,
      })
      await queue.ready()
      expect(await queue.checkInvariants()).toEqual([])

      for (const change of changes.toReversed()) {
        await run('revert', change)
        await expect(run('verify', change)).rejects.toThrow(/does not exist/)
      }
      expect(await schemas()).toEqual(before)
      expect((await client.query(`select from pg_proc where pronamespace = 'public'::regnamespace`)).rows).toEqual([])
    })
  })
})
