import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { serversFolder } from './server.ts'

/** Room for a server and its standby, with small logs and the jobs of a run. */
const SIZE = '700m'

/** A disk in memory, small enough to be filled up. Needs root. */
export class SmallDisk {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async mount(): Promise<SmallDisk> {
    const path = join(await serversFolder(), `disk-${process.pid}-${Date.now()}`)
    mkdirSync(path, { mode: 0o755 })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=755`, 'tmpfs', path])
    return new SmallDisk(path)
  }

  /** Leaves no byte free. */
  fill(): void {
    const file = openSync(this.#ballast, 'a')
    try {
      for (let size = 1 << 20; size >= 512; size >>= 1) writeUntilFull(file, Buffer.alloc(size))
    } finally {
      closeSync(file)
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true })
  }

  unmount(): void {
    execFileSync('umount', ['-l', this.path])
    rmdirSync(this.path)
  }

  get #ballast(): string {
    return join(this.path, 'ballast')
  }
}

function writeUntilFull(file: number, chunk: Buffer): void {
  try {
    while (writeSync(file, chunk) === chunk.length) {
      // There was room for more.
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
}
