/** Tables for the terminal, and the JSON that holds everything. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { middle, pairedRatio } from './stats.mjs'

/** @typedef {import('../scenarios/index.mjs').Scenario} Scenario */
/** @typedef {import('./stats.mjs').Samples} Samples */

/**
 * Medians over the runs, the ratio to raw, and the bars.
 *
 * @param {Scenario} scenario
 * @param {Samples} samples
 * @returns {string}
 */
export function renderScenario(scenario, samples) {
  const columns = [...scenario.columns, { key: 'foreignCores', label: 'foreign CPU', digits: 2 }]
  const ids = Object.keys(samples)
  const head = ['', ...columns.map(({ label }) => label), scenario.ratio.label]
  const rows = ids.map((id) => [
    id,
    ...columns.map(({ key, digits }) => format(middle(samples, id, key), digits)),
    format(pairedRatio(samples, id, scenario.ratio.to ?? 'raw', scenario.ratio.key), 2),
  ])
  const runs = Math.max(0, ...ids.map((id) => samples[id]?.length ?? 0))
  const bars = scenario.bars(samples).map(renderBar)
  const title = `${scenario.name}: ${scenario.title}`
  return [title, `  ${scenario.conditions}; medians of ${runs}`, table([head, ...rows]), ...bars, ''].join('\n')
}

/** @param {import('./stats.mjs').Bar} bar */
function renderBar({ claim, value, limit, sense, met }) {
  const verdict = met === undefined ? 'not measured' : met ? 'met' : 'NOT MET'
  return `  ${verdict.padEnd(12)} ${claim}: ${format(value, 2)} (${sense} ${format(limit, 2)})`
}

/** @param {number} value @param {number} digits */
function format(value, digits) {
  if (!Number.isFinite(value)) return '–'
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** The first column to the left, figures to the right. @param {string[][]} rows */
function table(rows) {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  const line = (/** @type {string[]} */ row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  return rows.map((row) => `  ${line(row)}`).join('\n')
}

/**
 * What the JSON says of one scenario: medians, ratios, bars, and every sample.
 *
 * @param {Scenario} scenario
 * @param {Samples} samples
 */
export function summarise(scenario, samples) {
  const ids = Object.keys(samples)
  const keys = [...new Set(ids.flatMap((id) => (samples[id] ?? []).flatMap((sample) => Object.keys(sample))))]
  return {
    title: scenario.title,
    conditions: scenario.conditions,
    medians: Object.fromEntries(ids.map((id) => [id, mediansOf(samples, id, keys)])),
    ratioTo: scenario.ratio.to ?? 'raw',
    ratios: Object.fromEntries(
      ids.map((id) => [id, rounded(pairedRatio(samples, id, scenario.ratio.to ?? 'raw', scenario.ratio.key))]),
    ),
    bars: scenario.bars(samples).map((bar) => ({ ...bar, value: rounded(bar.value), limit: rounded(bar.limit) })),
    samples,
  }
}

/** @param {Samples} samples @param {string} id @param {string[]} keys */
function mediansOf(samples, id, keys) {
  return Object.fromEntries(keys.map((key) => [key, rounded(middle(samples, id, key))]))
}

/** @param {number} value */
function rounded(value) {
  return Number(value.toPrecision(5))
}

/** @param {string} path @param {unknown} value */
export function writeJson(path, value) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`)
}
