import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { initJobQueue, type JobQueue } from '../../src/index.ts'
import { SQL_SERVERS } from '../support/sql-instance.ts'

const A = '5b720132-17d5-424d-9bcb-ee7b17c13d43'
/** What a client of schema version 13 installed, app_jobs included, as it was released. */
const PREVIOUS = gunzipSync(readFileSync(new URL('../fixtures/schema-13.sql.gz', import.meta.url))).toString()

type Row = Record<string, unknown>

describe.each(SQL_SERVERS)('beside the previous schema, on PostgreSQL %s', (version, url) => {
  describe.skipIf(url === '')('with a server', () => {
    const name = `previous_schema_${version}`
    const address = new URL(url === '' ? 'postgres://localhost' : url)
    address.pathname = `/${name}`
    let client: pg.Client
    let queue: JobQueue | undefined

    beforeEach(async () => {
      await admin(`drop database if exists ${name} with (force)`)
      await admin(`create database ${name}`)
      client = new pg.Client({ connectionString: address.href })
      await client.connect()
      await client.query(
        PREVIOUS.replaceAll(':rawschema', 'mill').replaceAll(':schema', 'mill').replaceAll(':channel', 'mill'),
      )
    })
    afterEach(async () => {
      await queue?.close()
      queue = undefined
      await client.end()
      await admin(`drop database ${name} with (force)`)
    })
    async function admin(text: string): Promise<void> {
      const session = new pg.Client({ connectionString: url })
      await session.connect()
      await session.query(text)
      await session.end()
    }
    const sql = async (text: string): Promise<Row[]> => (await client.query<Row>(text)).rows
    const open = (migrate: 'auto' | 'check'): JobQueue =>
      (queue = initJobQueue({
        databaseConfig: { connectionString: address.href, max: 2 },
        schema: 'mill',
        listen: false,
        migrate,
      }))

    it(`a client with migrate: 'check' refuses it by a code, and changes nothing`, async () => {
      const before = await sql('select * from mill.migrations order by version')
      await expect(open('check').ready()).rejects.toMatchObject({ code: 'SCHEMA_OUTDATED' })
      expect(await sql('select * from mill.migrations order by version')).toEqual(before)
    })

    it('is upgraded in place with jobs in every state, and those who work in SQL go on under their claims', async () => {
      await sql(`select mill.add_job('held'), mill.add_job('done'), mill.add_job('failed', max_attempts := 1),
        mill.add_job('later', run_at := now() + interval '1 hour'), mill.add_job('ready'), mill.add_job('queued', queue := 'q')`)
      await sql(`select app_jobs.add_job('${A}', 'theirs', job_key := 'k')`)
      const claim = async (type: string): Promise<Row> =>
        (await sql(`select job_id, token from mill.get_jobs('old-worker', array['${type}'])`))[0] ?? {}
      const held = await claim('held')
      const done = await claim('done')
      await sql(`select mill.complete_job(${String(done['job_id'])}, ${String(done['token'])})`)
      const failed = await claim('failed')
      await sql(`select mill.fail_job(${String(failed['job_id'])}, ${String(failed['token'])}, 'no')`)
      const [theirs] = await sql(`select * from app_jobs.get_job('old-worker', '{theirs}')`)
      const counts = `select 'live' as part, count(*) from mill.jobs union all select 'finished', count(*) from mill.finished_jobs
        union all select 'failed', count(*) from mill.failed_jobs union all select 'keys', count(*) from mill.job_keys order by 1`
      const before = await sql(counts)

      await open('auto').ready()
      expect(await sql(counts)).toEqual(before)
      expect(await queue?.checkInvariants()).toEqual([])
      const settled = `select mill.complete_job(${String(held['job_id'])}, ${String(held['token'])}) as settled`
      expect(await sql(settled)).toEqual([{ settled: true }])
      expect(await sql(`select id from app_jobs.complete_job('old-worker', ${String(theirs?.['id'])})`)).toEqual([
        { id: theirs?.['id'] },
      ])
      const statuses = await queue?.getAllJobs(20)
      expect(Object.fromEntries((statuses ?? []).map((job) => [job.jobType, job.status]))).toEqual({
        held: 'completed',
        done: 'completed',
        failed: 'failed',
        later: 'pending',
        ready: 'pending',
        queued: 'pending',
        theirs: 'completed',
      })
    })

    it('has no function that the upgrade takes away or declares otherwise: an older client goes on', async () => {
      const functions = `select p.oid::regprocedure::text as f, pg_get_function_result(p.oid) as result from pg_proc p
        where p.pronamespace in ('mill'::regnamespace, 'app_jobs'::regnamespace) order by 1`
      const before = await sql(functions)
      await open('auto').ready()
      expect(await sql(functions)).toEqual(expect.arrayContaining(before))
    })

    it('a client that is older than the oldest one tolerated refuses by a code', async () => {
      await open('auto').ready()
      await queue?.close()
      await sql(
        `insert into mill.migrations (version, name, checksum, oldest_client) values (9999, 'later', 'x', 9999)`,
      )
      await expect(open('auto').ready()).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW' })
    })

    it('a newer schema that tolerates this client keeps its functions', async () => {
      await open('auto').ready()
      await queue?.close()
      await sql(`insert into mill.migrations (version, name, checksum, oldest_client) values (9999, 'later', 'x', 1)`)
      await sql(`update mill.migrations set checksum = 'newer' where version = 0`)
      await open('auto').addJob({ jobType: 'a', payload: null })
      expect(await sql('select checksum from mill.migrations where version = 0')).toEqual([{ checksum: 'newer' }])
    })
  })
})
