import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { attachShutdown, createStatusRoute, millraceHono } from 'millrace/http'
import { options, queue } from './jobs.mjs'

const jobs = millraceHono(queue, options)
const app = new Hono()
app.use(jobs.middleware)

app.post('/mails', async (c) => {
  /** @type {typeof queue} */
  const added = c.get('jobs')
  return c.json({ id: await added.addJob({ jobType: 'mail', payload: await c.req.json() }) })
})
// A real application asks here who is logged in.
const status = createStatusRoute(queue, { authorize: () => true })
app.get('/jobs/:id', (c) => status(c.req.raw))

const server = serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 3000) }, ({ port }) => {
  jobs.start()
  console.log(`listening on http://127.0.0.1:${port}`)
})
attachShutdown({ stop: () => (server.close(), jobs.stop()) }, { onStopped: () => queue.close() })
