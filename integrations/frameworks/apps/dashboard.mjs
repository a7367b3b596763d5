// The dashboard at two paths of one server, of the framework that the first argument names.
import { createServer } from 'node:http'
import { serve } from '@hono/node-server'
import { createDashboard, toNodeHandler } from '@millrace/dashboard'
import express from 'express'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { attachShutdown } from 'millrace/http'
import { queue } from './jobs.mjs'

const BASE_PATHS = ['/admin/jobs', '/q']
const authorize = () => true

/** @type {Record<string, () => Promise<{ close(): unknown }> | { close(): unknown }>} */
const servers = {
  'node:http'() {
    const [admin, q] = BASE_PATHS.map((basePath) => toNodeHandler(createDashboard(queue, { basePath })))
    return createServer((request, response) => (request.url?.startsWith('/q') ? q : admin)?.(request, response)).listen(
      0,
      '127.0.0.1',
      told,
    )
  },
  express() {
    const app = express()
    const node = toNodeHandler(createDashboard(queue))
    // At the second path behind a parser that has read the body already.
    app.use('/admin/jobs', node)
    app.use(express.json({ limit: '2mb' }), express.text())
    app.use('/q', node)
    return app.listen(0, '127.0.0.1', told)
  },
  async fastify() {
    const app = Fastify()
    await app.register(async (scope) => {
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
      for (const basePath of BASE_PATHS) {
        const node = toNodeHandler(createDashboard(queue, { basePath }))
        for (const url of [basePath, `${basePath}/*`]) {
          scope.all(url, (request, reply) => {
            reply.hijack()
            node(request.raw, reply.raw)
          })
        }
      }
    })
    console.log(`listening on ${await app.listen({ port: 0, host: '127.0.0.1' })}`)
    return app
  },
  koa() {
    const app = new Koa()
    for (const basePath of BASE_PATHS) {
      const node = toNodeHandler(createDashboard(queue, { basePath }))
      app.use((context, next) => {
        if (context.path !== basePath && !context.path.startsWith(`${basePath}/`)) return next()
        context.respond = false
        node(context.req, context.res)
        return undefined
      })
    }
    return app.listen(0, '127.0.0.1', told)
  },
  async nest() {
    class AppModule {}
    Module({})(AppModule)
    const app = await NestFactory.create(AppModule, { logger: false })
    const node = toNodeHandler(createDashboard(queue))
    for (const basePath of BASE_PATHS) app.use(basePath, node)
    await app.listen(0, '127.0.0.1')
    console.log(`listening on ${await app.getUrl()}`)
    return app
  },
  hono() {
    const app = new Hono()
    const dashboard = createDashboard(queue, { authorize })
    for (const basePath of BASE_PATHS) app.all(`${basePath}/*`, (context) => dashboard(context.req.raw))
    return serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
      console.log(`listening on http://127.0.0.1:${port}`)
    })
  },
}

/** @this {import('node:net').Server} */
function told() {
  const address = this.address()
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`)
}

const server = await servers[process.argv[2] ?? '']?.()
attachShutdown({ stop: async () => void server?.close() }, { onStopped: () => queue.close() })
