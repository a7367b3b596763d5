import { readFileSync } from 'node:fs'

/** The major version of Nest that these tests run with: that of this folder, or that of `integrations/nestjs-11`. */
export const nest: '11' | '12' = process.env['MILLRACE_TEST_NEST'] === '11' ? '11' : '12'

const folder = new URL(nest === '11' ? '../nestjs-11/' : './', import.meta.url)

/** A module of the compiled application in `app/`, which finds that Nest. */
export function appFile(name: string): URL {
  return new URL(`dist/app/${name}`, folder)
}

/** The entry of `@nestjs/core` that the application finds, and its version. */
export function nestCore(): { readonly entry: string; readonly version: string } {
  const workspace = nest === '11' ? folder : new URL('../../', folder)
  const core = new URL('node_modules/@nestjs/core/', workspace)
  const { version }: { version: string } = JSON.parse(readFileSync(new URL('package.json', core), 'utf8'))
  return { entry: new URL('index.js', core).href, version }
}
