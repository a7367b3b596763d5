/**
 * Writes docs/llms.txt, the list of all pages for programs that read documentation.
 *
 *     node tools/llms-txt.mjs
 */
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { renderFiles } from './docs/agent-files.mjs'

export const file = join(dirname(fileURLToPath(import.meta.url)), '../docs/llms.txt')

/** @returns {string} */
export function renderLlmsTxt() {
  return renderFiles().llmsTxt
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(file, renderLlmsTxt())
