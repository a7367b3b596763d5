/**
 * Makes the snapshot that the package ships, unless it is there already:  node tools/build-snapshot.mjs
 *
 * Needs the built package (`npm run build`). Takes some seconds, because it runs `initdb` and compresses well.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { archiveOf, assetPath, compress, initialise, storeSnapshot } from '../dist/snapshot.js'

const QUALITY = 9

if (!existsSync(assetPath())) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-snapshot-'))
  try {
    await initialise(join(folder, 'data'))
    storeSnapshot(assetPath(), await compress(archiveOf(join(folder, 'data')), QUALITY))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
process.stdout.write(`${assetPath()}\n`)
