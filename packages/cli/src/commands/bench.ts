import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { type JobQueue, MillraceError } from 'millrace'
import { type BenchFigures, type Latency, measure } from '../bench/measure.ts'
import { configOf, type GlobalOptions, requireSql } from '../connection.ts'
import { EXIT } from '../failure.ts'
import type { Output } from '../output.ts'
import { type Session, withQueue } from '../session.ts'
import { positive } from '../values.ts'

interface BenchOptions {
  readonly jobs: number
  readonly concurrency: number
}

const PREFIX = 'millrace_bench_'

export function addBenchCommand(program: Command): void {
  program
    .command('bench')
    .description(
      'measure adding, draining and add-to-start on this database, in a schema of its own that is dropped at the end',
    )
    .option('--jobs <n>', 'jobs to add and drain', positive, 10_000)
    .option('--concurrency <n>', 'handlers running at once while they are drained', positive, 50)
    .action(async (options: BenchOptions, command: Command) => {
      const place = command.optsWithGlobals<GlobalOptions>()
      if (place.schema !== undefined) throw schemaRefused()
      requireSql('bench', place)
      // Measuring makes no embedded database either.
      configOf(place, { migrate: 'check' })
      const schema = `${PREFIX}${randomBytes(6).toString('hex')}`
      const config = { schema, migrate: 'auto', listen: true } as const
      await withQueue(command, (session) => bench(session, { schema, options }), config)
    })
}

function schemaRefused(): MillraceError {
  return new MillraceError('OPTION_INVALID', '`--schema` means nothing here: bench makes a schema of its own.', {
    details: { field: '--schema', remedy: 'leave it out; --database names the database' },
  })
}

interface Assignment {
  readonly schema: string
  readonly options: BenchOptions
}

async function bench({ queue, output, signal }: Session, { schema, options }: Assignment): Promise<1 | void> {
  if (!output.json)
    output.line({ text: `In schema ${schema}, which is dropped at the end, also after Ctrl-C.`, colour: 'dim' })
  try {
    await queue.ready()
    const figures = await measure(queue, { ...options, signal })
    const others = await leftOver(queue, schema)
    output.result({ schema, ...figures, leftOver: others }, () => print(output, figures, others))
  } catch (error) {
    if (!signal.aborted) throw error
    process.stderr.write('interrupted; nothing of it stays\n')
    return EXIT.finding
  } finally {
    await drop(queue, schema)
  }
}

/** Also of a database that has failed in between: then who runs it has to know what is left. */
async function drop(queue: JobQueue, schema: string): Promise<void> {
  try {
    await queue.transaction((tx) => tx.query(`drop schema if exists "${schema}" cascade`))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    process.stderr.write(
      `the schema could not be dropped (${reason}); do it later: drop schema if exists "${schema}" cascade\n`,
    )
  }
}

/** Schemas of runs that were killed, or are under way. */
async function leftOver(queue: JobQueue, own: string): Promise<readonly string[]> {
  const { rows } = await queue.transaction((tx) =>
    tx.query('select nspname::text as name from pg_namespace where starts_with(nspname::text, $1) and nspname <> $2', [
      PREFIX,
      own,
    ]),
  )
  return rows.map((row) => String(Object.values(row as object)[0]))
}

function print(output: Output, { transaction, add, drain, addToStart }: BenchFigures, others: readonly string[]): void {
  const perSecond = (rate: number): string => `${rate.toLocaleString('en')} jobs/s`
  output.pairs([
    ['add one at a time', perSecond(add.single.perSecond)],
    [`add ${add.batch.batchSize} at a time`, perSecond(add.batch.perSecond)],
    [`drain, concurrency ${drain.concurrency}`, perSecond(drain.perSecond)],
    ['add to start', latencyText(addToStart)],
    ['empty transaction', latencyText(transaction.empty)],
    ['writing transaction', latencyText(transaction.writing)],
  ])
  output.line(
    'One process, handlers that do nothing. A job added alone waits for one writing transaction; to add faster, add several at once.',
  )
  if (others.length === 0) return
  const statements = others.map((name) => `drop schema "${name}" cascade;`)
  output.line(`Left by runs that were killed, unless they are under way: ${statements.join(' ')}`)
}

function latencyText({ p50, p95, p99, max }: Latency): string {
  return `p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms, max ${max} ms`
}
