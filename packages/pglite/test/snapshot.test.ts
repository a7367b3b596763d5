import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { packDirectory, unpackInto } from '../src/archive.ts'
import { openEmbedded } from '../src/index.ts'
import { cachePath, unpackSnapshot } from '../src/snapshot.ts'
import { PGLITE_VERSION } from '../src/version.ts'
import { temporaryFolder } from './members.ts'

afterEach(() => vi.unstubAllEnvs())

test('an archive gives back every file and folder', () => {
  const from = temporaryFolder()
  mkdirSync(join(from, 'a/empty'), { recursive: true })
  writeFileSync(join(from, 'a/odd'), Buffer.alloc(1_234, 7))
  writeFileSync(join(from, 'whole'), Buffer.alloc(1_024, 8))
  writeFileSync(join(from, 'nothing'), '')
  writeFileSync(join(from, 'skipped'), 'x')
  const to = join(temporaryFolder(), 'to')
  unpackInto(to, packDirectory(from, ['skipped']))
  expect(new Set(readdirSync(to, { recursive: true, encoding: 'utf8' }))).toEqual(
    new Set(['a', 'a/empty', 'a/odd', 'nothing', 'whole']),
  )
  expect(readFileSync(join(to, 'a/odd')).equals(Buffer.alloc(1_234, 7))).toBe(true)
})

test('a damaged, cut or hostile archive is refused', () => {
  const from = temporaryFolder()
  writeFileSync(join(from, 'file'), Buffer.alloc(2_000, 1))
  const archive = packDirectory(from, [])
  const to = temporaryFolder()
  expect(() => unpackInto(to, archive.subarray(0, 1_500))).toThrow('cut off')
  const damaged = Buffer.from(archive)
  damaged[130] = 0x39
  expect(() => unpackInto(to, damaged)).toThrow('damaged')
})

test('a damaged snapshot is passed over', () => {
  const cache = temporaryFolder()
  vi.stubEnv('MILLRACE_CACHE_DIR', cache)
  writeFileSync(cachePath(), 'not a snapshot')
  const directory = join(temporaryFolder(), 'data')
  expect(unpackSnapshot(directory) ? existsSync(join(directory, 'PG_VERSION')) : !existsSync(directory)).toBe(true)
})

test('a first start that was killed half-way is begun anew, and leaves the folder out of version control', async () => {
  const dataDir = join(temporaryFolder(), 'new')
  mkdirSync(dataDir)
  mkdirSync(join(dataDir, 'data.tmp-1'))
  writeFileSync(join(dataDir, 'data.tmp-1/PG_VERSION'), '18\n')
  await using database = await openEmbedded({ dataDir })
  expect(await database.query('select 1')).toEqual([[1]])
  expect(readdirSync(dataDir)).not.toContain('data.tmp-1')
})

test.each([
  ['has no PG_VERSION', (data: string) => writeFileSync(join(data, 'other'), '')],
  ['was made by PostgreSQL 17', (data: string) => writeFileSync(join(data, 'PG_VERSION'), '17\n')],
  ['cannot be opened', (data: string) => writeFileSync(join(data, 'PG_VERSION'), '18\n')],
])('a directory that %s is refused by name and left alone', async (reason, make) => {
  const dataDir = temporaryFolder()
  const data = join(dataDir, 'data')
  mkdirSync(data)
  make(data)
  const before = readdirSync(data)
  const opening = openEmbedded({ dataDir })
  await expect(opening).rejects.toMatchObject({ code: 'EMBEDDED_CORRUPT', message: expect.stringContaining(data) })
  await expect(opening).rejects.toThrow(reason)
  expect(readdirSync(data)).toEqual(expect.arrayContaining(before))
})

test('the PGlite that is installed is the one that the snapshot is named after', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  expect(manifest.dependencies['@electric-sql/pglite']).toBe(PGLITE_VERSION)
})
