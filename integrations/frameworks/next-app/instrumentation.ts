export async function register(): Promise<void> {
  // Also compiled for the Edge runtime, which has neither sockets nor threads.
  if (process.env['NEXT_RUNTIME'] !== 'nodejs') return
  const { startWorker } = await import('@millrace/next')
  const { handlers, queue } = await import('./lib/jobs.ts')
  if (process.env['WORK'] === 'off') return
  await startWorker(queue, { handlers, drainMs: 10_000, processor: { concurrency: 5 } })
}
