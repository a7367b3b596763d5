/** What a run found, put together from its jobs. */

/** @typedef {import('./jobs.mjs').Queue} Queue */

/**
 * @typedef {object} LanguageFacts
 * @property {string} language
 * @property {number} files
 * @property {number} lines
 * @property {number} bytes
 * @property {number} longestLine
 * @property {string} longestLineAt - `path:line`.
 */

/** @typedef {{ path: string; attempts: number; reason: string; error: string }} DeadLetter */

/**
 * @typedef {object} Totals
 * @property {number} files - Indexed.
 * @property {number} lines
 * @property {number} bytes
 * @property {number} deadLetters
 * @property {number} attempts - All that were made, failed ones included.
 */

/**
 * @typedef {object} Report
 * @property {number} run
 * @property {string} root
 * @property {string} startedAt
 * @property {string} finishedAt
 * @property {Totals} totals
 * @property {LanguageFacts[]} languages - Most lines first.
 * @property {DeadLetter[]} deadLetters
 * @property {{ path: string; language: string; sha256: string; bytes: number; lines: number }[]} files
 */

/**
 * @param {Queue} queue
 * @param {import('./jobs.mjs').SummaryPayload} summary
 * @param {string} tag - Of every job of the run.
 * @returns {Promise<Report>}
 */
export async function collectReport(queue, { run, root, startedAt }, tag) {
  /** @type {Map<string, LanguageFacts>} */
  const languages = new Map()
  /** @type {Report['files']} */
  const files = []
  let attempts = 0
  for await (const job of jobsOf(queue, tag, 'completed')) {
    const { path, language } = job.payload
    const facts = /** @type {import('./files.mjs').FileFacts} */ (job.output)
    files.push({ path, language, sha256: facts.sha256, bytes: facts.bytes, lines: facts.lines })
    attempts += job.attempts
    addFacts(languages, language, path, facts)
  }
  /** @type {DeadLetter[]} */
  const deadLetters = []
  for await (const job of jobsOf(queue, tag, 'failed')) {
    const error = job.errorHistory.at(-1)?.message ?? ''
    deadLetters.push({ path: job.payload.path, attempts: job.attempts, reason: job.failureReason ?? '', error })
    attempts += job.attempts
  }
  const byLines = [...languages.values()].sort((a, b) => b.lines - a.lines)
  return {
    run,
    root,
    startedAt,
    finishedAt: new Date().toISOString(),
    totals: {
      files: files.length,
      lines: sum(byLines, 'lines'),
      bytes: sum(byLines, 'bytes'),
      deadLetters: deadLetters.length,
      attempts,
    },
    languages: byLines,
    deadLetters: deadLetters.sort(byPath),
    files: files.sort(byPath),
  }
}

const PAGE = 1000

/**
 * @param {Queue} queue @param {string} tag @param {'completed' | 'failed'} status
 * @returns {AsyncGenerator<import('millrace').JobRecord<import('./jobs.mjs').Payloads, 'index'>, void>}
 */
async function* jobsOf(queue, tag, status) {
  /** @type {number | undefined} */
  let cursor
  do {
    /** @type {import('millrace').JobRecord<import('./jobs.mjs').Payloads, 'index'>[]} */
    const page = await queue.getJobs({ jobType: 'index', tags: { values: [tag] }, status, cursor }, PAGE)
    yield* page
    cursor = page.length === PAGE ? page.at(-1)?.id : undefined
  } while (cursor !== undefined)
}

/**
 * @param {Map<string, LanguageFacts>} languages @param {string} language @param {string} path
 * @param {import('./files.mjs').FileFacts} facts
 */
function addFacts(languages, language, path, { bytes, lines, longestLine, longestLineAt }) {
  const before = languages.get(language) ?? {
    language,
    files: 0,
    lines: 0,
    bytes: 0,
    longestLine: -1,
    longestLineAt: '',
  }
  const isLonger = longestLine > before.longestLine
  languages.set(language, {
    language,
    files: before.files + 1,
    lines: before.lines + lines,
    bytes: before.bytes + bytes,
    longestLine: isLonger ? longestLine : before.longestLine,
    longestLineAt: isLonger ? `${path}:${longestLineAt}` : before.longestLineAt,
  })
}

/** @param {readonly LanguageFacts[]} languages @param {'lines' | 'bytes'} field */
function sum(languages, field) {
  return languages.reduce((total, facts) => total + facts[field], 0)
}

/** @param {{ path: string }} a @param {{ path: string }} b */
function byPath(a, b) {
  return a.path < b.path ? -1 : 1
}
