import type { Runner } from './lifecycle.ts'

/** A server that can be told to take no more connections, such as the one that `listen` of Express and Koa answers. */
export interface ServerLike {
  close(onClosed: (error?: Error) => void): unknown
}

/** Claims nothing more at once, and drains when the requests under way have been answered. */
export async function closeThenStop(runner: Runner, server: ServerLike | undefined): Promise<void> {
  runner.pause()
  if (server !== undefined) await new Promise<void>((resolve) => void server.close(() => resolve()))
  await runner.stop()
}
