/**
 * Fails a test file that leaves something running: a timer, a socket, a listening server or a child process that would
 * keep a program from ending, or a worker thread. Each file runs in a process of its own, so what is there after its
 * last hook and was not there before is its own.
 */
import type { Worker } from 'node:worker_threads'
import { afterAll } from 'vitest'

/** What a program leaks. Others (file requests, pipes to the test runner) come and go by themselves. */
const WATCHED = new Set(['Timeout', 'TCPSocketWrap', 'TCPServerWrap', 'ProcessWrap'])

/** Closing is asynchronous in the kernel and in the runner; a leak is what is still there after this long. */
const GRACE_MS = 2_000

// Kept, because a test may leave fake timers installed.
const realSetTimeout = setTimeout
const realNow = Date.now

const workers = new Set<Worker>()
process.on('worker', (worker) => {
  workers.add(worker)
  worker.once('exit', () => workers.delete(worker))
})
const before = count()

// Registered first, hence run last: hooks run in reverse order of registration.
afterAll(async () => {
  const deadline = realNow() + GRACE_MS
  while (leaked().length > 0 && realNow() < deadline) await pause(20)
  const leaks = leaked()
  if (leaks.length > 0) {
    throw new Error(
      `This test file leaks ${leaks.join(', ')}: close what it opened (or \`unref\` a timer that may stay).`,
    )
  }
}, 30_000)

function leaked(): string[] {
  return [...count()].flatMap(([kind, number]) => {
    const extra = number - (before.get(kind) ?? 0)
    return extra > 0 ? [`${extra} × ${kind}`] : []
  })
}

function count(): Map<string, number> {
  const counts = new Map<string, number>([['worker thread', workers.size]])
  for (const kind of process.getActiveResourcesInfo()) {
    if (WATCHED.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

/** By an unreferenced timer, which is not itself counted. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    realSetTimeout(resolve, milliseconds).unref()
  })
}
