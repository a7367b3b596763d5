import Fastify from 'fastify'
import { attachShutdown, createStatusRoute, millraceFastify } from 'millrace/http'
import { options, queue } from './jobs.mjs'

const app = Fastify()
await app.register(millraceFastify(queue, options))

app.post('/mails', async (request) => {
  const payload = /** @type {{ to: string }} */ (request.body)
  return { id: await app.jobs.addJob({ jobType: 'mail', payload }) }
})
// A real application asks here who is logged in.
const status = createStatusRoute(queue, { authorize: () => true })
app.get('/jobs/:id', (request) => status(new Request(`http://app${request.url}`)))

console.log(`listening on ${await app.listen({ port: Number(process.env['PORT'] ?? 3000) })}`)
attachShutdown({ stop: () => app.close() }, { onStopped: () => queue.close() })
