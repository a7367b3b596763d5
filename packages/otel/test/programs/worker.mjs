// A worker with OpenTelemetry in a process of its own. It tells its parent that it is ready, and, once told to stop, its spans.
import { trace } from '@opentelemetry/api'
import { initJobQueue } from 'millrace'
import { instrumentQueue } from '@millrace/otel'
import { startTelemetry, told } from '../support/telemetry.mjs'

const { config, relation } = JSON.parse(String(process.argv[2]))
const telemetry = startTelemetry()
const queue = initJobQueue(config)
const stop = instrumentQueue(queue, { relation })

const processor = queue.createProcessor(
  {
    order: async ({ failsOnce }, _signal, ctx) => {
      await ctx.run('charge', () => {
        trace.getTracer('app').startSpan('call the bank').end()
      })
      if (failsOnce && ctx.attempt === 1) throw new TypeError('no such product')
      await ctx.addJob({ jobType: 'mail', payload: {} })
    },
    mail: async () => undefined,
  },
  { workerId: 'other-process', pollInterval: 200 },
)
processor.startInBackground()
await queue.ready()
process.send?.('ready')

process.once('message', () => void finish())

async function finish() {
  await queue.close()
  stop()
  process.send?.(await told(telemetry), () => process.disconnect())
}
