import { basename, extname } from 'node:path'
import { watch } from 'chokidar'

const ENDINGS: ReadonlySet<string> = new Set(['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx', '.json'])
const FOREIGN: ReadonlySet<string> = new Set(['node_modules', 'coverage'])
/** An editor that saves all files saves them within this. */
const SETTLE_MS = 100

export interface Sources extends AsyncDisposable {
  /** Once every file is watched. */
  readonly ready: Promise<void>
}

/** Calls `onChange` with the files of `folder` that have changed; not those of packages and of hidden folders, except `.env`. */
export function watchSources(folder: string, onChange: (files: readonly string[]) => void): Sources {
  const changed = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(folder, {
    cwd: folder,
    ignoreInitial: true,
    ignored: (path, stats) => path !== folder && isForeign(path, stats?.isFile() === true),
  })
  watcher.on('all', (_event, path) => {
    if (!isSource(path)) return
    changed.add(path)
    clearTimeout(timer)
    timer = setTimeout(() => {
      onChange([...changed].toSorted())
      changed.clear()
    }, SETTLE_MS)
  })
  return {
    ready: new Promise((resolve) => {
      watcher.once('ready', () => resolve())
    }),
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      await watcher.close()
    },
  }
}

function isForeign(path: string, isFile: boolean): boolean {
  const name = basename(path)
  if (isFile) return !isSource(path)
  return FOREIGN.has(name) || (name.startsWith('.') && name !== '.env')
}

function isSource(path: string): boolean {
  return basename(path) === '.env' || ENDINGS.has(extname(path))
}
