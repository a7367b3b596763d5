import express from 'express'
import { attachShutdown, createStatusRoute, millraceExpress } from 'millrace/http'
import { options, queue } from './jobs.mjs'

const app = express()
const jobs = millraceExpress(queue, options)
app.use(express.json(), jobs.middleware)

app.post('/mails', async (request, response) => {
  response.json({ id: await request.jobs.addJob({ jobType: 'mail', payload: request.body }) })
})
// A real application asks here who is logged in.
const status = createStatusRoute(queue, { authorize: () => true })
app.get('/jobs/:id', async (request, response) => {
  const answer = await status(new Request(`http://app${request.originalUrl}`))
  response.status(answer.status).json(await answer.json())
})

const server = app.listen(Number(process.env['PORT'] ?? 3000), () => {
  jobs.start()
  const address = server.address()
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`)
})
attachShutdown({ stop: () => jobs.stop(server) }, { onStopped: () => queue.close() })
