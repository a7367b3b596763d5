import type { Fault } from '../faults/fault.ts'
/** What the command line asks for. */
export interface ProofOptions {
  readonly seeds: readonly number[]
  readonly minutes: number
  readonly store: 'postgres' | 'pglite'
  readonly version: 18 | 14
  readonly faults: readonly Fault[]
  /** Whether the faults were named: then each condition among them holds. Otherwise the seed decides. */
  readonly areNamed: boolean
  /** One run for each fault alone, and each seed. */
  readonly eachFault: boolean
  readonly perSecond: number
  readonly workers: number
  readonly producers: number
  /** Where the table of results goes as well, in Markdown. */
  readonly table: string | undefined
  /** Whether histories of runs without a violation are kept too. */
  readonly keep: boolean
}
export declare const USAGE =
  'npm run proof -- [--seed S | --seeds A..B] [--minutes M] [--store postgres|pglite] [--faults a,b,c]\n  --seed S          one run with this seed (default: drawn, and printed)\n  --seeds A..B      one run for each seed\n  --minutes M       how long load and faults go on, in each run (default 1)\n  --store NAME      postgres (default) or pglite\n  --version N       of PostgreSQL: 18 (default) or 14\n  --faults a,b,c    these only, all of them in force; default: all, conditions by the seed; none: without\n  --each-fault      one run for each fault alone and each seed\n  --per-second N    operations a second (default 30)\n  --workers N       worker processes (default 3); --producers N (default 2)\n  --table FILE      writes the table of results there\n  --keep            keeps the history of runs without a violation too\nfaults: '
/** @throws Error with a sentence for the user. */
export declare function parseOptions(args: readonly string[]): ProofOptions
//# sourceMappingURL=options.d.ts.map
