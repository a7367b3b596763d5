import { setTimeout as sleep } from 'node:timers/promises'
import { initJobQueue } from 'millrace'
import { Recorder } from '../history/recorder.ts'
import { OperationSource } from '../load/operation.ts'
import { Caller } from './caller.ts'
import { Random } from './random.ts'
import { leaveWithParent, queueConfig, readTask, urlOf, type ProducerTask } from './task.ts'

/** Calls that may be under way at once, in one producer. */
const MOST_AT_ONCE = 40

/** A producer process: node producer.js '<ProducerTask>'. Adds and changes jobs until SIGTERM. */
async function main(): Promise<void> {
  const task = readTask<ProducerTask>()
  leaveWithParent()
  const recorder = Recorder.open(task.historyFolder, task.name, 'producer')
  const stop = new AbortController()
  process.once('SIGTERM', () => stop.abort())
  const queue = initJobQueue(queueConfig(task.connection, task.leaseMs))
  queue.on('error', () => undefined)
  const clientUrl = task.connection.store === 'postgres' ? urlOf(task.connection) : undefined
  const caller = new Caller({
    queue,
    recorder,
    name: task.name,
    clientUrl,
    onAnswer: () => process.connected && process.send?.('answer'),
  })
  const random = new Random(task.seed)
  const source = new OperationSource({ name: task.name, random, load: task.load, leaseMs: task.leaseMs })
  const underWay = new Set<Promise<void>>()
  while (!stop.signal.aborted) {
    if (underWay.size < MOST_AT_ONCE) {
      const call = caller.perform(source.next()).finally(() => underWay.delete(call))
      underWay.add(call)
    }
    await sleep(random.next() * 2 * (1000 / task.perSecond), undefined, { signal: stop.signal }).catch(() => undefined)
  }
  await Promise.all(underWay)
  await queue.close()
  process.removeAllListeners('disconnect')
  process.disconnect()
}

await main()
