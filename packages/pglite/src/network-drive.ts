import { statfs } from 'node:fs/promises'

/** File system numbers of Linux (`statfs(2)`) where neither links nor syncs can be relied upon. */
const NETWORK_DRIVES = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0x01021997, '9p'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
])

/** The kind of network file system `path` is on; `null` for a local one, or where the system has no such numbers. */
export async function networkDriveOf(path: string): Promise<string | null> {
  if (process.platform !== 'linux') return null
  const { type } = await statfs(path)
  return NETWORK_DRIVES.get(type >>> 0) ?? null
}
