/**
 * Who a process is, beyond its number: numbers are used again, so a lock names the start of its holder too. Liveness is
 * asked of the kernel and never of a heartbeat, which a statement in WASM can hold up for as long as it likes.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

export interface ProcessIdentity {
  readonly pid: number
  /** When it started, in whatever form the system tells it; `null` if it does not. */
  readonly startTime: string | null
  readonly host: string
  /** Which boot of the machine and which process namespace `pid` belongs to; `null` where there is no such thing. */
  readonly boot: string | null
  readonly namespace: string | null
}

/** `foreign`: on another machine or in another container, where its liveness cannot be known. */
export type Liveness = 'alive' | 'dead' | 'foreign'

export function currentProcess(): ProcessIdentity {
  return { pid: process.pid, startTime: startTimeOf(process.pid), ...surroundings() }
}

/** Whether the process that `identity` names still runs. */
export function livenessOf(identity: ProcessIdentity): Liveness {
  const here = surroundings()
  if (identity.host !== here.host) return 'foreign'
  if (identity.boot !== here.boot) return 'dead'
  if (identity.namespace !== here.namespace) return 'foreign'
  if (!isRunning(identity.pid)) return 'dead'
  const startTime = startTimeOf(identity.pid)
  // A start that cannot be read proves nothing, and a live holder must never lose its lock.
  if (startTime === null || identity.startTime === null) return 'alive'
  return startTime === identity.startTime ? 'alive' : 'dead'
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs, as another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  return !isZombie(pid)
}

/** A process that has ended but was not waited for, as under a container's careless first process. */
function isZombie(pid: number): boolean {
  const fields = linuxStat(pid)
  // Its first thread can end before the others have finished their last write: field 20 counts the threads.
  return fields !== null && (fields[0] === 'Z' || fields[0] === 'X') && Number(fields[17]) <= 1
}

function startTimeOf(pid: number): string | null {
  if (process.platform === 'linux') return linuxStat(pid)?.[19] ?? null
  if (process.platform === 'win32') return null
  const { stdout, status } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : null
}

/** The fields of `/proc/<pid>/stat` from the third on; the second, the name, may contain anything. */
function linuxStat(pid: number): string[] | null {
  if (process.platform !== 'linux') return null
  const stat = tryTo(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  return stat === null ? null : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function surroundings(): Pick<ProcessIdentity, 'host' | 'boot' | 'namespace'> {
  const isLinux = process.platform === 'linux'
  return {
    host: hostname(),
    boot: isLinux ? tryTo(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()) : null,
    namespace: isLinux ? tryTo(() => readlinkSync('/proc/self/ns/pid')) : null,
  }
}

function tryTo<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
