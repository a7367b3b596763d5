/**
 * Writes etc/*.api.md, what each package exports with its signature, so that a change of it is seen in review; and
 * docs/reference/exports.md, the same names for users.
 *
 *     npm run api
 *
 * Reads the built declarations. The test beside it fails while they are not what the packages export.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { exportsPage, renderExportsPage } from './api/exports-page.mjs'
import { publicPackages, renderReport, reportFile } from './api/report.mjs'

for (const item of publicPackages()) {
  mkdirSync(dirname(reportFile(item)), { recursive: true })
  writeFileSync(reportFile(item), renderReport(item))
}
writeFileSync(exportsPage, renderExportsPage(publicPackages()))
