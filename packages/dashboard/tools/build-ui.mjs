/**
 * Builds the page from `ui/` into one module with its files as texts, `dist/generated/assets.js`, so that whatever bundles
 * the dashboard has them, too. Does nothing if that is there and made of the same sources.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const folder = join(dirname(fileURLToPath(import.meta.url)), '..')
const ui = join(folder, 'ui')
const target = join(folder, 'dist/generated/assets.js')
/** Compressed, of everything that a browser loads. */
const MAX_GZIP_BYTES = 180 * 1024

const mark = `// of sources ${sourceHash()}`
if (!existsSync(target) || !readFileSync(target, 'utf8').startsWith(mark)) await buildUi()

async function buildUi() {
  const { build } = await import('vite')
  const result = await build({
    root: ui,
    configFile: false,
    logLevel: 'warn',
    mode: 'production',
    build: {
      write: false,
      target: 'es2022',
      modulePreload: false,
      rollupOptions: { input: join(ui, 'main.tsx'), output: { entryFileNames: '[name]-[hash].js' } },
      assetsDir: '',
      cssCodeSplit: false,
    },
  })
  const { output } = /** @type {import('vite').Rollup.RollupOutput} */ (Array.isArray(result) ? result[0] : result)
  /** @type {Record<string, { type: string; body: string }>} */
  const assets = {}
  for (const file of output) {
    const body = file.type === 'chunk' ? file.code : String(file.source)
    assets[file.fileName] = { type: typeOf(file.fileName), body }
  }
  const size = Object.values(assets).reduce((sum, { body }) => sum + gzipSync(body).length, 0)
  if (size > MAX_GZIP_BYTES) throw new Error(`the page is ${size} bytes compressed, more than ${MAX_GZIP_BYTES}`)
  const entry = { script: only(assets, '.js'), style: only(assets, '.css') }
  mkdirSync(dirname(target), { recursive: true })
  const text = `${mark}\nexport const assets = ${JSON.stringify(assets)}\nexport const entry = ${JSON.stringify(entry)}\n`
  writeFileSync(target, text)
  console.log(`dashboard: built the page, ${Math.round(size / 1024)} kB compressed`)
}

/** @param {Record<string, unknown>} assets @param {string} extension */
function only(assets, extension) {
  const names = Object.keys(assets).filter((name) => extname(name) === extension)
  if (names.length !== 1) throw new Error(`one ${extension} file expected, got ${names.join(', ')}`)
  return names[0]
}

/** @param {string} name */
function typeOf(name) {
  return extname(name) === '.css' ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8'
}

/** Of the sources, of this file and of the versions they are built with. */
function sourceHash() {
  const hash = createHash('sha256')
  const files = [fileURLToPath(import.meta.url), join(folder, 'package.json'), join(folder, 'src/wire.ts')]
  for (const name of readdirSync(ui).toSorted()) if (/\.(?:tsx?|css)$/.test(name)) files.push(join(ui, name))
  for (const file of files) hash.update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}
