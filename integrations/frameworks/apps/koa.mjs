import { json } from 'node:stream/consumers'
import Koa from 'koa'
import { attachShutdown, createStatusRoute, millraceKoa } from 'millrace/http'
import { options, queue } from './jobs.mjs'

const app = new Koa()
const jobs = millraceKoa(queue, options)
app.use(jobs.middleware)

// A real application has a router, and asks here who is logged in.
const status = createStatusRoute(queue, { authorize: () => true })
app.use(async (context) => {
  if (context.method === 'POST' && context.path === '/mails') {
    const payload = /** @type {{ to: string }} */ (await json(context.req))
    context.body = { id: await context.state['jobs'].addJob({ jobType: 'mail', payload }) }
  } else if (context.path.startsWith('/jobs/')) {
    const answer = await status(new Request(`http://app${context.url}`))
    context.status = answer.status
    context.body = await answer.json()
  }
})

const server = app.listen(Number(process.env['PORT'] ?? 3000), () => {
  jobs.start()
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`)
})
attachShutdown({ stop: () => jobs.stop(server) }, { onStopped: () => queue.close() })
