import { createRequire } from 'node:module'

interface Manifest {
  readonly version: string
}

/** Of this package. */
export function ownVersion(): string {
  const manifest = createRequire(import.meta.url)('../package.json') as Manifest
  return manifest.version
}
