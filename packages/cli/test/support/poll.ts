/** Asks `probe` again and again until it answers something true, and answers that. */
export async function poll<T>(
  probe: () => T | Promise<T>,
  { within = 15_000, every = 20, what = probe.toString() }: { within?: number; every?: number; what?: string } = {},
): Promise<T> {
  const deadline = performance.now() + within
  for (;;) {
    const answer = await probe()
    if (answer) return answer
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`)
    await new Promise((resolve) => {
      setTimeout(resolve, every)
    })
  }
}
