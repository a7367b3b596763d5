/** The little of the tar format (POSIX ustar) that a data directory needs: folders and files with short names. */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { syncDirectory } from './synced-files.ts'

const BLOCK = 512
const NAME_BYTES = 100

/** Everything under `directory` but the files named in `except`, as a tar archive. */
export function packDirectory(directory: string, except: readonly string[]): Buffer {
  const blocks: Buffer[] = []
  const pack = (folder: string): void => {
    const entries = readdirSync(join(directory, folder), { withFileTypes: true }).toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    )
    for (const entry of entries) {
      const name = `${folder}${entry.name}`
      if (except.includes(name)) continue
      if (entry.isDirectory()) {
        blocks.push(header(`${name}/`, 0))
        pack(`${name}/`)
      } else {
        const data = readFileSync(join(directory, name))
        blocks.push(header(name, data.length), data, Buffer.alloc(padding(data.length)))
      }
    }
  }
  pack('')
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)])
}

/**
 * Writes the content of `archive` into `directory`, and does not return before it would survive a power cut.
 *
 * @throws Error if the archive is damaged or cut off, or names a file outside the directory.
 */
export function unpackInto(directory: string, archive: Buffer): void {
  const folders = [directory]
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  let offset = 0
  for (;;) {
    const block = archive.subarray(offset, offset + BLOCK)
    if (block.length < BLOCK) throw new Error('The archive is cut off')
    if (block[0] === 0) break
    const { name, size } = readHeader(block)
    offset += BLOCK
    const path = join(directory, name)
    if (name.endsWith('/')) {
      mkdirSync(path, { recursive: true, mode: 0o700 })
      folders.push(path)
    } else {
      if (offset + size > archive.length) throw new Error('The archive is cut off')
      writeSynced(path, archive.subarray(offset, offset + size))
      offset += size + padding(size)
    }
  }
  for (const folder of folders) syncDirectory(folder)
}

function header(name: string, size: number): Buffer {
  if (Buffer.byteLength(name) > NAME_BYTES) throw new Error(`Name too long for the archive: ${name}`)
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0)
  block.write(name.endsWith('/') ? '0000700\0' : '0000600\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write(name.endsWith('/') ? '5' : '0', 156)
  block.write('ustar\x0000', 257)
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function readHeader(block: Buffer): { name: string; size: number } {
  const text = (start: number, length: number): string => {
    const field = block.toString('utf8', start, start + length)
    const end = field.indexOf('\0')
    return end < 0 ? field : field.slice(0, end)
  }
  const name = text(0, NAME_BYTES)
  const size = Number.parseInt(text(124, 12), 8)
  if (Number.parseInt(text(148, 8), 8) !== checksum(block)) throw new Error('The archive is damaged')
  if (name.startsWith('/') || name.split('/').includes('..')) throw new Error(`The archive names ${name}`)
  return { name, size }
}

/** The sum of all bytes, the checksum field itself counted as spaces. */
function checksum(block: Buffer): number {
  return block.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 32 : byte), 0)
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}

function writeSynced(path: string, data: Buffer): void {
  const descriptor = openSync(path, 'w', 0o600)
  try {
    for (let written = 0; written < data.length;) written += writeSync(descriptor, data, written)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
