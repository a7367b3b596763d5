import { existsSync } from 'node:fs'
import type { ServerFault } from './fault.ts'

/** No byte is free where the server keeps its data and its log; later there is room again. */
export const diskFull: ServerFault = {
  name: 'disk-full',
  kind: 'event',
  effect: 'refuse',
  place: 'server',
  holdMs: () => [2000, 5000],
  missing: () =>
    process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/mount')
      ? undefined
      : 'it needs root on Linux, to mount a small disk',
  arrange(settings) {
    settings.smallDisk = true
    Object.assign(settings.server, { max_wal_size: '64MB', min_wal_size: '32MB' })
  },
  inject: ({ database }) => database.fillDisk(),
}
