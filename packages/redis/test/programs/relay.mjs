// A relay process: node relay.mjs '{"databaseUrl","schema","redisUrl","keyPrefix","dieAt"}'. Kills itself without a word at that step of
// the second job it forwards; without `dieAt` it works until it is told to stop.
import { initJobQueue } from 'millrace'
import { createRelay, toQueue } from 'millrace/tx'

const { databaseUrl, schema, redisUrl, keyPrefix, dieAt } = JSON.parse(process.argv[2])
const outbox = initJobQueue({ databaseConfig: { connectionString: databaseUrl, max: 2 }, schema, leaseMs: 2000 })
const target = initJobQueue({ backend: 'redis', redisConfig: { url: redisUrl }, keyPrefix })
const forward = toQueue(target)

let forwarded = 0
let recorded = 0
const die = (step, count) => {
  if (step === dieAt && count === 2) process.kill(process.pid, 'SIGKILL')
}
const relay = createRelay(async (message, signal) => {
  const count = ++forwarded
  die('claimed', count)
  const answered = forward(message, signal)
  // The command is with the kernel, or will be: nobody here waits for the answer.
  if (dieAt === 'sent') await new Promise((resolve) => setImmediate(resolve))
  die('sent', count)
  await answered
  die('answered', count)
})
const processor = outbox.createProcessor({ mail: relay }, { concurrency: 3, pollInterval: 100 })
outbox.on('job:completed', () => die('recorded', ++recorded))
processor.startInBackground()
const stop = async () => {
  await processor.stopAndDrain()
  await Promise.all([outbox.close(), target.close()])
  process.disconnect()
}
process.on('message', () => void stop())
