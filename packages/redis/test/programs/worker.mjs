// A worker process: node worker.mjs '{"url","keyPrefix"}'. Tells its parent when a job begins, which never ends.
import { initJobQueue } from 'millrace'

const { url, keyPrefix } = JSON.parse(process.argv[2])
const queue = initJobQueue({ backend: 'redis', redisConfig: { url }, keyPrefix, leaseMs: 2000 })
const hang = () => new Promise(() => process.send('started'))
queue.createProcessor({ hang }, { pollInterval: 100 }).startInBackground()
