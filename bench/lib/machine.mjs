/** What this machine is, and how much processor time whom of it used. Figures from /proc are NaN where there is none. */
import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { median } from './stats.mjs'

const hasProc = existsSync('/proc/self/stat')
/** Processor times in /proc are in hundredths of a second on every Linux that Node runs on. */
const TICK_MS = 10

/** Milliseconds of a clock that all processes of the machine share. */
export function nowMs() {
  return Number(process.hrtime.bigint()) / 1e6
}

/**
 * Processor time that a process and everything below it has used so far, those that have ended included.
 *
 * @param {number} rootPid
 * @returns {number} Milliseconds.
 */
export function treeCpuMs(rootPid) {
  if (!hasProc) return Number.NaN
  /** @type {Map<number, { ppid: number; ticks: number }>} */
  const all = new Map()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined
    if (stat) all.set(pid, stat)
  }
  let ticks = 0
  for (const [pid, stat] of all) if (isBelow(all, pid, rootPid)) ticks += stat.ticks
  return ticks * TICK_MS
}

/** @param {Map<number, { ppid: number }>} all @param {number} pid @param {number} rootPid */
function isBelow(all, pid, rootPid) {
  for (let at = pid; at > 0; at = all.get(at)?.ppid ?? 0) if (at === rootPid) return true
  return false
}

/** @param {number} pid */
function readStat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command in parentheses may hold spaces; the numbers begin behind it with field 3.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const ticks = [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0)
    return { ppid: Number(fields[1]), ticks }
  } catch {
    return undefined
  }
}

/** Processor time that the whole machine has used so far, in milliseconds. */
function machineCpuMs() {
  if (!hasProc) return Number.NaN
  const [user, nice, system, , , irq, softirq] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '')
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0)) * TICK_MS
}

/**
 * Starts to watch how many cores others use: whatever the machine spent less our own processes and the server's.
 *
 * @param {number} serverPid
 * @returns {() => number} Cores since the start.
 */
export function watchForeignCpu(serverPid) {
  const own = () => treeCpuMs(process.pid) + treeCpuMs(serverPid)
  const start = { at: nowMs(), machine: machineCpuMs(), own: own() }
  return () => Math.max(0, machineCpuMs() - start.machine - (own() - start.own)) / (nowMs() - start.at)
}

/**
 * What is worth knowing about the machine beside its figures.
 *
 * @param {string} folder - On the disk that the database uses.
 */
export function describeMachine(folder) {
  return {
    system: `${type()} ${release()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    fdatasyncMs: Number(fdatasyncMs(folder).toFixed(3)),
    node: process.versions.node,
  }
}

/** Median time to make 8 kB durable: what each commit waits for. @param {string} folder */
function fdatasyncMs(folder) {
  const path = join(folder, `fdatasync-${process.pid}`)
  const file = openSync(path, 'w')
  const page = Buffer.alloc(8192)
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now()
    writeSync(file, page, 0, page.length, 0)
    fdatasyncSync(file)
    return performance.now() - start
  })
  closeSync(file)
  rmSync(path, { force: true })
  return median(times)
}
