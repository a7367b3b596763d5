/**
 * The program of the thread that an isolated handler runs in, as text: a thread that is started from text needs no file
 * that a bundler could lose, and runs the same from `src` and from `dist`. It takes its modules from `process`, because
 * the flags of the process (`--input-type=module`) decide whether `require` or `import` exists in it.
 *
 * It sends `start` (the handler is about to be called), `call` (a method of the context), then one of `returned` (with JSON
 * text), `snoozed` and `threw`; it receives `abort`, `answer` (to a call) and `step` (run the function of a `run` call), to which it
 * replies with `stepped`.
 */
export const THREAD_SOURCE: string = String.raw`(() => {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const { createRequire } = process.getBuiltinModule('node:module')
  const { join } = process.getBuiltinModule('node:path')
  const exit = process.exit.bind(process)
  globalThis.require ??= createRequire(join(process.cwd(), 'handler.js'))
  // What esbuild wraps around nested functions when it keeps their names, and what Vitest makes of \x60import()\x60.
  globalThis.__name ??= (target) => target
  globalThis.__vite_ssr_dynamic_import__ ??= (specifier) => import(specifier)

  const controller = new AbortController()
  const calls = new Map()
  let lastCall = 0

  const typedError = (code, message) => Object.assign(new Error(message), { name: 'MillraceError', code, details: {} })

  parentPort.on('message', (message) => {
    if (message.kind === 'abort') {
      controller.abort(typedError(message.code, message.message))
      return
    }
    if (message.kind === 'step') {
      void runStep(message)
      return
    }
    const call = calls.get(message.id)
    calls.delete(message.id)
    if (message.isOwn) call.reject(steps.get(message.id).error)
    else if (message.error === undefined) call.resolve(message.value)
    else call.reject(typedError(message.error.code, message.error.message))
  })

  const call = (method, argument) => {
    const id = ++lastCall
    const answer = new Promise((resolve, reject) => calls.set(id, { resolve, reject }))
    answer.catch(() => {})
    parentPort.postMessage({ kind: 'call', id, method, argument, scope: scopes.getStore() })
    return answer
  }

  const toJson = (value) => {
    let text
    try {
      text = JSON.stringify(value)
    } catch (error) {
      throw typedError('OUTPUT_INVALID', 'the output is no JSON: ' + error.message)
    }
    if (text === undefined && value !== undefined) {
      throw typedError('OUTPUT_INVALID', 'the output is no JSON: it is a ' + typeof value)
    }
    return text
  }

  const { AsyncLocalStorage } = process.getBuiltinModule('node:async_hooks')
  const scopes = new AsyncLocalStorage()
  const steps = new Map()

  const remote = (method) => (...argument) => call(method, argument)

  const refuse = (method) => () =>
    Promise.reject(
      typedError('FEATURE_UNSUPPORTED', 'ctx.' + method + '() does not work in a worker thread, which has no connection'),
    )

  const run = (name, fn, options) => {
    if (typeof fn !== 'function') {
      return Promise.reject(typedError('OPTION_INVALID', '\x60fn\x60 must be a function. Pass \x60async () => …\x60.'))
    }
    const step = lastCall + 1
    steps.set(step, { fn })
    return call('run', [name, options]).finally(() => steps.delete(step))
  }

  const runStep = async ({ step, tryId, tryNumber }) => {
    const controller = new AbortController()
    try {
      const value = await scopes.run(tryId, () =>
        steps.get(step).fn({ tryNumber, signal: AbortSignal.any([context.signal, controller.signal]) }),
      )
      try {
        parentPort.postMessage({ kind: 'stepped', tryId, value })
      } catch (error) {
        throw typedError('STEP_RESULT_INVALID', 'the result of a step cannot leave its thread: ' + error.message)
      }
    } catch (error) {
      controller.abort(error)
      steps.get(step).error = error
      parentPort.postMessage({ kind: 'stepped', tryId, error: describe(error, 0), isFatal: isFatal(error) })
    }
  }

  const context = {
    ...workerData.context,
    signal: controller.signal,
    prolong: (ms) => {
      if (ms !== undefined && !(Number.isFinite(ms) && ms > 0)) {
        throw typedError('OPTION_INVALID', '\x60prolong\x60 takes a positive number of milliseconds, got ' + String(ms))
      }
      void call('prolong', ms)
    },
    onTimeout: () => {
      throw typedError(
        'FEATURE_UNSUPPORTED',
        'ctx.onTimeout() does not work in a worker thread, which is ended when its time is up; call ctx.prolong(ms) before that',
      )
    },
    setProgress: (percent) => call('setProgress', typeof percent === 'number' ? percent : NaN),
    setOutput: async (value) => call('setOutput', toJson(value)),
    log: (message, fields, level) => {
      let sent
      try {
        sent = fields && JSON.parse(JSON.stringify(fields, (_, value) => (typeof value === 'bigint' ? String(value) : value)))
      } catch (error) {
        sent = { unreadable: String(error) }
      }
      void call('log', [String(message), sent, level])
    },
    dependencies: remote('dependencies'),
    dependencyCounts: remote('dependencyCounts'),
    addJob: remote('addJob'),
    addJobs: remote('addJobs'),
    run,
    runTx: refuse('runTx'),
    transaction: refuse('transaction'),
    waitFor: remote('waitFor'),
    waitUntil: remote('waitUntil'),
    createToken: remote('createToken'),
    waitForToken: remote('waitForToken'),
    waitForSignal: remote('waitForSignal'),
    waitForEvent: remote('waitForEvent'),
  }

  const read = (owner, key) => {
    try {
      return owner[key]
    } catch {
      return undefined
    }
  }
  const text = (value) => {
    try {
      return value === undefined ? undefined : String(value)
    } catch {
      return undefined
    }
  }
  const describe = (thrown, depth) => {
    if (!(thrown instanceof Error)) return { isError: false, message: text(thrown) ?? typeof thrown }
    const cause = depth < 5 ? read(thrown, 'cause') : undefined
    return {
      isError: true,
      name: text(read(thrown, 'name')),
      message: text(read(thrown, 'message')) ?? '',
      stack: text(read(thrown, 'stack')),
      code: text(read(thrown, 'code')),
      cause: cause === undefined ? undefined : describe(cause, depth + 1),
    }
  }

  const load = async () => {
    const { source, module, exportName, messages } = workerData.handler
    if (source === undefined) {
      const exports = await import(module)
      const handler = exports[exportName]
      if (typeof handler === 'function') return handler
      throw typedError('HANDLER_INVALID', 'module ' + module + ' exports no function named "' + exportName + '"')
    }
    let handler
    try {
      handler = new Function('return ' + source)()
    } catch (error) {
      throw typedError('HANDLER_INVALID', messages.notDeserialized + error.message)
    }
    if (typeof handler !== 'function') throw typedError('HANDLER_INVALID', messages.notAFunction)
    return handler
  }

  const finish = (message) => {
    parentPort.postMessage(message)
    // Whatever the handler left open ends here; leaving by itself lets the thread pass on what it has printed.
    exit()
  }

  // The registered symbols of model/verdict.ts: any copy of the package in this thread makes the same.
  const snoozeOf = (value) => read(Object(value), Symbol.for('millrace.snooze'))
  const isFatal = (value) => read(Object(value), Symbol.for('millrace.fatal')) === true

  const fail = (thrown) => {
    const delayMs = snoozeOf(thrown)
    if (typeof delayMs === 'number') finish({ kind: 'snoozed', delayMs })
    else finish({ kind: 'threw', isFatal: isFatal(thrown), error: describe(thrown, 0) })
  }

  load()
    .then((handler) => {
      parentPort.postMessage({ kind: 'start' })
      return handler(workerData.payload, controller.signal, context)
    })
    .then((value) => {
      if (typeof snoozeOf(value) === 'number' || isFatal(value)) return fail(value)
      return finish({ kind: 'returned', json: toJson(value) })
    })
    .catch(fail)
})()`
