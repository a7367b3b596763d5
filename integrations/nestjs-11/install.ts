import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '../..')

/** Where the tests find `@millrace/nestjs`: a copy, since a link would have Node look for Nest beside the package itself. */
export const installedPackage: string = join(here, 'dist/node_modules/@millrace/nestjs')

/** Puts the built package, and the application that was compiled for `integrations/nestjs`, where they find Nest 11. */
export function setup(): void {
  rmSync(join(here, 'dist/node_modules'), { recursive: true, force: true })
  rmSync(join(here, 'dist/app'), { recursive: true, force: true })
  mkdirSync(installedPackage, { recursive: true })
  cpSync(join(root, 'packages/nestjs/package.json'), join(installedPackage, 'package.json'))
  cpSync(join(root, 'packages/nestjs/dist'), join(installedPackage, 'dist'), { recursive: true })
  cpSync(join(root, 'integrations/nestjs/dist/app'), join(here, 'dist/app'), { recursive: true })
}
