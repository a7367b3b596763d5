/**
 * Builds the documentation as a static site in dist/docs:  npm run docs [-- --serve [port]]
 *
 * The site needs no server and no network: open dist/docs/index.html, or put the folder on any host, below any path. A link
 * that leads nowhere fails the build.
 */
import { join } from 'node:path'
import { root } from './run.mjs'
import { buildSite } from './site/build.mjs'
import { serveSite } from './site/serve.mjs'

const target = join(root, 'dist/docs')
const { pages, problems } = buildSite(target)
for (const problem of problems) console.error(problem)
console.log(`docs: ${pages} pages in dist/docs, ${problems.length} links that lead nowhere`)
if (problems.length > 0) process.exitCode = 1

const serve = process.argv.indexOf('--serve')
if (serve > 0) {
  const { url } = await serveSite(target, Number(process.argv[serve + 1] ?? 4173))
  console.log(`docs: ${url} (Ctrl-C ends it)`)
}
