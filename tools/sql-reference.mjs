/**
 * Writes docs/reference/sql.md from the comments in a migrated database, so that the page says what is installed.
 *
 *     node tools/sql-reference.mjs
 *
 * A function or table is public if it has a comment; of functions, one that does not begin with "Internal".
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {(sql: string) => Promise<readonly (readonly string[])[]>} Query - Rows as arrays. */

export const page = join(dirname(fileURLToPath(import.meta.url)), '../docs/reference/sql.md')

const HEAD = `# SQL reference

Written from the comments in the database; \`\\df+ millrace.*\` in psql shows the same. How to use it:
[jobs in SQL](../guides/sql.md). Anything in the schema that is not here is internal and may change.

Parameters can be given by name: \`select millrace.add_job('email', payload := '{"to": "a@example.com"}')\`.
`

/**
 * The page, from a database in which `schema` has been migrated.
 *
 * @param {Query} query
 * @param {string} schema
 * @returns {Promise<string>}
 */
export async function renderReference(query, schema) {
  const literal = `'${schema.replaceAll("'", "''")}'`
  const functions = await query(`
    select p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), obj_description(p.oid, 'pg_proc')
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = ${literal} and obj_description(p.oid, 'pg_proc') not like 'Internal%'
    order by p.proname collate "C", p.pronargs`)
  const tables = await query(`
    select c.relname, obj_description(c.oid, 'pg_class') from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${literal} and c.relkind in ('r', 'p') and obj_description(c.oid, 'pg_class') is not null
    order by c.relname collate "C"`)
  const sections = functions.map(([name, parameters, result, comment]) =>
    [
      `### ${name ?? ''}`,
      '',
      '```sql',
      signature(name ?? '', parameters ?? '', result ?? ''),
      '```',
      '',
      comment,
      '',
    ].join('\n'),
  )
  const rows = tables.map(([name, comment]) => `| \`${name ?? ''}\` | ${comment ?? ''} |`)
  return [
    HEAD,
    '## Functions',
    '',
    ...sections,
    '## Tables',
    '',
    'For reading. Write through the functions.',
    '',
    '| table | |',
    '| --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

/** @param {string} name @param {string} parameters @param {string} result */
function signature(name, parameters, result) {
  const all = splitParameters(parameters)
  const inputs = all.filter((parameter) => !parameter.startsWith('OUT ')).map(withPlainDefault)
  const outputs = all.filter((parameter) => parameter.startsWith('OUT ')).map((parameter) => parameter.slice(4))
  const one = `${name}(${inputs.join(', ')})`
  const head = one.length <= 100 ? one : `${name}(\n  ${inputs.join(',\n  ')}\n)`
  if (outputs.length > 1) return `${head} returns one row (${outputs.join(', ')})`
  const table = /^TABLE\((.*)\)$/s.exec(result)
  return table
    ? `${head} returns table (\n  ${splitParameters(String(table[1])).join(',\n  ')}\n)`
    : `${head} returns ${result}`
}

/** Without the type of the default, which the parameter's own says already. @param {string} parameter */
function withPlainDefault(parameter) {
  return parameter
    .replace(/ DEFAULT /, ' default ')
    .replace(/default ('[^']*'|NULL)::[a-z ]+(\[\])?$/, (_, value) => `default ${value === 'NULL' ? 'null' : value}`)
}

/** At commas outside quotes and parentheses. @param {string} text @returns {string[]} */
function splitParameters(text) {
  return text.match(/(?:'[^']*'|\([^)]*\)|[^,'(])+/g)?.map((part) => part.trim()) ?? []
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { initJobQueue } = await import('millrace')
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-reference-'))
  const queue = initJobQueue({ backend: 'pglite', dataDir })
  try {
    await queue.ready()
    const text = await queue.transaction((tx) =>
      renderReference(
        async (sql) => (await tx.query(sql)).rows.map((row) => Object.values(row).map(String)),
        'millrace',
      ),
    )
    if (readFileSync(page, { encoding: 'utf8', flag: 'a+' }) !== text) writeFileSync(page, text)
    console.log('docs: docs/reference/sql.md is fresh')
  } finally {
    await queue.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
