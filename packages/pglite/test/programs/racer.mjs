/** Waits for the word, then tries once to take the lock of a data directory, and keeps what it gets until it is killed. */
import { tryLock } from '../../dist/lock.js'

const [dataDir = ''] = process.argv.slice(2)
process.send?.({ ready: true })
process.once('message', () => process.send?.({ outcome: tryLock(dataDir, (n) => `/tmp/nobody-${n}.sock`).kind }))
process.on('disconnect', () => process.exit())
