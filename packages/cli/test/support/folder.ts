import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PACKAGES = fileURLToPath(new URL('../../../../node_modules', import.meta.url))

export interface TemporaryFolder extends Disposable {
  readonly path: string
}

/** A folder of its own, empty but for the packages of this repository if `withPackages`. */
export function temporaryFolder({ withPackages = false } = {}): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
  if (withPackages) symlinkSync(PACKAGES, join(path, 'node_modules'))
  return {
    path,
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
