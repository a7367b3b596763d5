import { existsSync } from 'node:fs'
import type { ServerFault } from './fault.ts'

/**
 * No byte is free where the server keeps its data and its log; later there is room again. Until then nobody can count on a single
 * write, a sign of life included.
 */
export const diskFull: ServerFault = {
  name: 'disk-full',
  kind: 'event',
  effect: 'server',
  place: 'server',
  holdMs: () => [3000, 7000],
  missing: () =>
    process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/mount')
      ? undefined
      : 'it needs root on Linux, to mount a small disk',
  arrange(settings) {
    settings.smallDisk = true
    Object.assign(settings.server, { max_wal_size: '64MB', min_wal_size: '32MB', wal_recycle: 'off' })
  },
  inject: ({ database }) => database.fillDisk(),
}

/** The same, and the server's log has no room either: the server crashes, and cannot recover before there is. */
export const walFull: ServerFault = {
  ...diskFull,
  name: 'wal-full',
  weight: 0.5,
  inject: ({ database }) => database.fillLog(),
}
