/**
 * One version for all packages:  node tools/release-versions.mjs 0.2.0
 *
 * Writes it into every public package and wherever a package of the workspace names one of them. The changelog is written by a
 * person: its first heading must name the version before `npm run release:check` is content.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './run.mjs'

const DEPENDENCIES = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies']

/** @typedef {{ path: string; manifest: Record<string, any> }} Manifest */

/** What does not agree with the version of the package `millrace`. @returns {string[]} */
export function versionProblems() {
  const all = manifests()
  const own = publicOf(all)
  const version = own.find(({ manifest }) => manifest['name'] === 'millrace')?.manifest['version']
  const names = new Set(own.map(({ manifest }) => manifest['name']))
  const differing = own
    .filter(({ manifest }) => manifest['version'] !== version)
    .map(({ path, manifest }) => `${path}: version ${manifest['version']}, not ${version}`)
  const pinned = all.flatMap(({ path, manifest }) =>
    DEPENDENCIES.flatMap((kind) =>
      Object.entries(manifest[kind] ?? {})
        .filter(([name, range]) => names.has(name) && range !== version)
        .map(([name, range]) => `${path}: ${name} ${range}, not ${version}`),
    ),
  )
  const heading = /^## (\S+?)(?:,.*)?$/m.exec(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'))?.[1]
  const changelog = heading === version ? [] : [`CHANGELOG.md: begins with ${heading}, not ${version}`]
  return [...differing, ...pinned, ...changelog]
}

/** @returns {Manifest[]} */
function manifests() {
  const folders = ['packages', 'integrations'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
  )
  return [...folders, 'bench', 'proof']
    .map((folder) => join(root, folder, 'package.json'))
    .filter((path) => existsSync(path))
    .map((path) => ({ path, manifest: JSON.parse(readFileSync(path, 'utf8')) }))
}

/** @param {readonly Manifest[]} all */
function publicOf(all) {
  return all.filter(({ manifest }) => !manifest['private'])
}

/** @param {string} version */
function setVersion(version) {
  const all = manifests()
  const own = publicOf(all)
  const names = new Set(own.map(({ manifest }) => manifest['name']))
  for (const item of all) {
    const { path, manifest } = item
    if (own.includes(item)) manifest['version'] = version
    for (const kind of DEPENDENCIES)
      for (const name of Object.keys(manifest[kind] ?? {})) if (names.has(name)) manifest[kind][name] = version
    writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const version = process.argv[2] ?? ''
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new Error('name a version, such as 0.2.0')
  setVersion(version)
  console.log('Now `npm install` for the lock file, and a section in CHANGELOG.md.')
}
