import { NestFactory } from '@nestjs/core'
import { AppModule } from './app.module.ts'
import { OrdersService } from './orders.ts'

// A worker process: says over its channel what its jobs do, and opens the gates it is told to.
const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] })
app.enableShutdownHooks()
const orders = app.get(OrdersService, { strict: false })
for (const gate of process.argv.slice(2)) {
  orders.gates.set(gate, new Promise((resolve) => process.on('message', (opened) => opened === gate && resolve())))
}
process.once('SIGTERM', () => orders.note('asked to stop'))
orders.note('started')
