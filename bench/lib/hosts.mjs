/** Child processes that add or work jobs for us, so that this process stays out of the figures. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * A child that answers calls; its commands are in `host/main.mjs`.
 *
 * @typedef {Awaited<ReturnType<typeof startHost>>} Host
 */

/**
 * Starts a child with an adapter loaded.
 *
 * @param {{ adapter: string; url: string }} place
 */
export async function startHost({ adapter, url }) {
  const child = fork(fileURLToPath(new URL('../host/main.mjs', import.meta.url)), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  /** @type {Map<number, { resolve: (value: any) => void; reject: (error: Error) => void }>} */
  const open = new Map()
  let lastId = 0
  let handled = 0
  /** @type {(handled: number) => void} */
  let onProgress = () => {}
  child.on('message', (/** @type {any} */ message) => {
    if (message.handled !== undefined) {
      handled = message.handled
      onProgress(handled)
      return
    }
    const call = open.get(message.id)
    open.delete(message.id)
    if (message.error) call?.reject(new Error(`${adapter}: ${message.error}`))
    else call?.resolve(message.value)
  })
  child.once('exit', (code, signal) => {
    for (const { reject } of open.values()) reject(new Error(`${adapter}: its process ended (${code ?? signal})`))
    open.clear()
  })
  /**
   * @param {string} command
   * @param {Record<string, unknown>} [options]
   * @returns {Promise<any>}
   */
  const call = (command, options = {}) =>
    new Promise((resolve, reject) => {
      const id = ++lastId
      open.set(id, { resolve, reject })
      child.send({ id, command, options })
    })
  await call('load', { adapter, url })
  return {
    call,
    handled: () => handled,
    /** @param {(handled: number) => void} listener */
    watch(listener) {
      onProgress = listener
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await ended
      clearTimeout(timer)
    },
  }
}

/**
 * Uses a host for the time of a callback.
 *
 * @template T
 * @param {{ adapter: string; url: string }} place
 * @param {(host: Host) => Promise<T>} use
 */
export async function withHost(place, use) {
  const host = await startHost(place)
  try {
    return await use(host)
  } finally {
    await host.close()
  }
}
