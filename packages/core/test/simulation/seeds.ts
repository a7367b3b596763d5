const DEFAULT_SEEDS = 300

/** Seeds that share one test, so that a long run shows how far it is. */
const PER_TEST = 100

/**
 * Which seeds to run: 1 to 300, to `MILLRACE_SIMULATION_SEEDS`, or only `MILLRACE_SIMULATION_SEED`; beginning after
 * `MILLRACE_SIMULATION_FROM`.
 */
export function seedRanges(env: NodeJS.ProcessEnv = process.env): { first: number; last: number }[] {
  const only = env['MILLRACE_SIMULATION_SEED']
  if (only !== undefined) return [{ first: whole(only), last: whole(only) }]
  const count = whole(env['MILLRACE_SIMULATION_SEEDS'] ?? String(DEFAULT_SEEDS))
  const from = whole(env['MILLRACE_SIMULATION_FROM'] ?? '0')
  return Array.from({ length: Math.ceil(count / PER_TEST) }, (_, index) => ({
    first: from + index * PER_TEST + 1,
    last: from + Math.min(count, (index + 1) * PER_TEST),
  }))
}

function whole(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`not a number of seeds: ${text}`)
  return number
}
