import { closeSync, fdatasyncSync, fsyncSync, openSync } from 'node:fs'
import { PGlite } from '@electric-sql/pglite'
import { NodeFS } from '@electric-sql/pglite/nodefs'

type EmscriptenOptions = Parameters<NodeFS['init']>[1]

/** The corner of Emscripten's NODEFS that syncing needs; PGlite's types do not describe it. */
interface NodeFiles {
  readonly stream_ops: { fsync?: (stream: NodeStream) => number }
  realPath(node: object): string
}
interface NodeStream {
  /** Node's file descriptor; absent for a directory. */
  readonly nfd?: number
  readonly node: object
}

/**
 * A data directory on disk whose `fsync` syncs.
 *
 * PGlite 0.5.16 never does, with or without `-F`: Emscripten's NODEFS has no `fsync` operation (`fd_sync` then succeeds
 * without doing anything), and its `fdatasync` is a stub. `strace` showed no sync in 200 committed inserts and a
 * checkpoint. So this adds the operation, and `startParameters` makes the log use `fsync` instead of `fdatasync`.
 */
export class SyncedFiles extends NodeFS {
  override async init(pg: PGlite, options: EmscriptenOptions): Promise<{ emscriptenOpts: EmscriptenOptions }> {
    const { emscriptenOpts } = await super.init(pg, options)
    const addSync = (module: { NODEFS: NodeFiles }): void => {
      module.NODEFS.stream_ops.fsync = (stream) => sync(module.NODEFS, stream)
    }
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [emscriptenOpts.preRun ?? [], addSync].flat() } }
  }
}

/** Opens the data directory `path` with durable commits; an empty one is initialised. `onLog` gets PostgreSQL's log lines. */
export async function openPGlite(path: string, onLog: (line: string) => void): Promise<PGlite> {
  return await PGlite.create({
    fs: new SyncedFiles(path),
    startParams: startParameters(PGlite.defaultStartParams),
    onStderr: (line: string) => {
      onLog(line)
      return false
    },
  })
}

/** PGlite's start parameters with durable commits, and with memory and disk use that suit a guest in a process. */
function startParameters(defaults: readonly string[]): string[] {
  const settings = {
    fsync: 'on',
    wal_sync_method: 'fsync',
    // 128 MB by default; a queue's hot tables are small. Measured: 167 MB resident instead of 316 MB.
    shared_buffers: '16MB',
    min_wal_size: '32MB',
    max_wal_size: '64MB',
    // Compiled out of WASM, but the planner would still consider it.
    jit: 'off',
  }
  const extra = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return [...defaults.filter((parameter) => parameter !== '-F'), ...extra]
}

/** 0, or Emscripten's number for EIO: PostgreSQL then stops rather than believe that data is safe. */
function sync(files: NodeFiles, stream: NodeStream): number {
  try {
    if (stream.nfd === undefined) syncDirectory(files.realPath(stream.node))
    else fdatasyncSync(stream.nfd)
    return 0
  } catch {
    return 29
  }
}

/** Makes renames and new files in `path` durable. Windows can open no directory, and needs none of this. */
export function syncDirectory(path: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
