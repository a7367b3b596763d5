/** Files as the demo sees them: which there are, what language each is in, and what can be counted in one. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, stat } from 'node:fs/promises'
import { extname, join, relative } from 'node:path'

/** Folders that hold what somebody else wrote, or a program, or pictures of one. */
const SKIPPED = new Set(['node_modules', '.git', 'dist', 'coverage', '.millrace', 'images'])

/** What a program has packed or compiled: nobody counts lines in that, and it is no failure that there are none. */
const SKIPPED_KINDS = new Set('br bz2 gz jar node otf pdf so tar tgz ttf wasm woff woff2 xz zip zst'.split(' '))

/** @type {Readonly<Record<string, string>>} */
const LANGUAGES = {
  ...named('C', 'c h'),
  ...named('C++', 'cc cpp cxx hpp hh'),
  ...named('C#', 'cs'),
  ...named('CSS', 'css scss less'),
  ...named('Go', 'go'),
  ...named('HTML', 'html htm vue svelte'),
  ...named('Java', 'java kt scala'),
  ...named('JavaScript', 'js mjs cjs jsx'),
  ...named('JSON', 'json jsonc json5 map'),
  ...named('Lua', 'lua'),
  ...named('Markdown', 'md mdx'),
  ...named('PHP', 'php'),
  ...named('Python', 'py pyi'),
  ...named('Ruby', 'rb'),
  ...named('Rust', 'rs'),
  ...named('Shell', 'sh bash zsh'),
  ...named('SQL', 'sql'),
  ...named('Swift', 'swift'),
  ...named('Text', 'txt rst log csv tsv'),
  ...named('TypeScript', 'ts mts cts tsx'),
  ...named('YAML and TOML', 'yml yaml toml ini'),
  ...named('Picture', 'png jpg jpeg gif webp ico svg'),
}

/**
 * @typedef {object} FoundFile
 * @property {string} path - Relative to the folder that was searched.
 * @property {string} language
 * @property {number} mtimeMs
 */

/**
 * @typedef {object} FileFacts
 * @property {string} sha256
 * @property {number} bytes
 * @property {number} lines
 * @property {number} longestLine - In bytes, without its end.
 * @property {number} longestLineAt - Its number, from 1; 0 in an empty file.
 */

/**
 * Every file below `root` but those that a program has packed, sorted within each folder. What cannot be read is found as well: that is for the job to say.
 *
 * @param {string} root
 * @param {{ except?: string; signal?: AbortSignal }} [options] - `except`: a further folder to leave out.
 * @returns {AsyncGenerator<FoundFile, void>}
 */
export async function* findFiles(root, { except, signal } = {}) {
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal?.throwIfAborted()
    /** @type {import('node:fs').Dirent[] | undefined} */
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined)
    if (entries === undefined) {
      const found = await describe(root, folder)
      if (found !== undefined) yield found
      continue
    }
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name) && path !== except) folders.push(path)
        continue
      }
      if (SKIPPED_KINDS.has(kindOf(path))) continue
      if (!entry.isFile() && !(entry.isSymbolicLink() && (await pointsToFile(path)))) continue
      const found = await describe(root, path)
      if (found !== undefined) yield found
    }
  }
}

/**
 * Reads the file once.
 *
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {Promise<FileFacts>}
 * @throws Error if it cannot be read, or holds a NUL byte, as no text does.
 */
export async function measureFile(path, signal) {
  const hash = createHash('sha256')
  let bytes = 0
  let lines = 0
  let longestLine = 0
  let longestLineAt = 0
  let lineStart = 0
  /** @param {number} end */
  const endLine = (end) => {
    lines++
    if (end - lineStart > longestLine || lines === 1) [longestLine, longestLineAt] = [end - lineStart, lines]
    lineStart = end + 1
  }
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 256 * 1024 })) {
    const nul = chunk.indexOf(0)
    if (nul >= 0) throw new Error(`binary content: a NUL byte at ${bytes + nul}`)
    hash.update(chunk)
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) endLine(bytes + at)
    bytes += chunk.length
  }
  if (lineStart < bytes) endLine(bytes)
  return { sha256: hash.digest('hex'), bytes, lines, longestLine, longestLineAt }
}

/**
 * @param {string} root @param {string} path
 * @returns {Promise<FoundFile | undefined>} Nothing for a file that is gone by now.
 */
async function describe(root, path) {
  const status = await lstat(path).catch(() => undefined)
  if (status === undefined) return undefined
  return { path: relative(root, path), language: languageOf(path), mtimeMs: status.mtimeMs }
}

/** Whether a link leads to a file, or nowhere: the latter is worth a job that fails. @param {string} path */
async function pointsToFile(path) {
  const target = await stat(path).catch(() => undefined)
  return target === undefined || target.isFile()
}

/** @param {string} path */
function languageOf(path) {
  return LANGUAGES[kindOf(path)] ?? 'Other'
}

/** @param {string} path */
function kindOf(path) {
  return extname(path).slice(1).toLowerCase()
}

/** @param {string} language @param {string} extensions */
function named(language, extensions) {
  return Object.fromEntries(extensions.split(' ').map((extension) => [extension, language]))
}
