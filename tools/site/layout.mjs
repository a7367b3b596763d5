/** What every page has around its text. */

/**
 * @typedef {import('./pages.mjs').Page} Page
 * @typedef {import('./render.mjs').Rendered} Rendered
 * @typedef {{ page: Page; rendered: Rendered }} Entry
 */

/**
 * A whole HTML file. All addresses in it are relative, so that the site works below any path and from a folder.
 *
 * @param {Entry} entry
 * @param {readonly Entry[]} all - In the order of the navigation.
 * @returns {string}
 */
export function layout(entry, all) {
  const { page, rendered } = entry
  const base = '../'.repeat(page.path.split('/').length - 1)
  const title = page.path === 'index.html' ? 'Millrace' : `${rendered.title} · Millrace`
  return `<!doctype html>
<html lang="en" data-base="${base}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="${escapeHtml(summaryOf(rendered))}">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="${base}assets/icon.svg">
<link rel="stylesheet" href="${base}assets/site.css">
<script src="${base}assets/client.js"></script>
</head>
<body>
<a class="skip" href="#text">Skip to the text</a>
<header>
<button class="menu" popovertarget="menu" aria-label="Menu">☰</button>
<a class="brand" href="${base}index.html">Millrace</a>
<search hidden>
<input type="search" aria-label="Search" placeholder="Search ( / )" autocomplete="off" spellcheck="false">
<div class="found" hidden><p role="status"></p><ul></ul></div>
</search>
<button class="theme" hidden></button>
</header>
<div class="columns">
<nav id="menu" popover aria-label="Pages">
${navigation(page, all, base)}
</nav>
<main id="text" tabindex="-1">
<article>
${rendered.html}
</article>
${neighbours(entry, all, base)}
</main>
${contents(rendered)}
</div>
</body>
</html>
`
}

/** @param {string} text */
export function escapeHtml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** @param {Page} current @param {readonly Entry[]} all @param {string} base */
function navigation(current, all, base) {
  return [...groupBySection(all)]
    .map(([section, entries]) => {
      const links = entries
        .filter(({ page }) => page.isListed)
        .map((entry) => {
          const mark = entry.page === current ? ' aria-current="page"' : ''
          return `<li><a href="${base}${entry.page.path}"${mark}>${escapeHtml(labelOf(entry))}</a></li>`
        })
      return `<p>${section}</p>\n<ul>\n${links.join('\n')}\n</ul>`
    })
    .join('\n')
}

/** @param {readonly Entry[]} all @returns {Map<string, Entry[]>} */
function groupBySection(all) {
  /** @type {Map<string, Entry[]>} */
  const sections = new Map()
  for (const entry of all) sections.set(entry.page.section, [...(sections.get(entry.page.section) ?? []), entry])
  return sections
}

/** @param {Entry} entry */
function labelOf({ page, rendered }) {
  if (page.path === 'index.html') return 'Introduction'
  return page.section === 'Migrate' ? rendered.title.replace(/^Migrating from/, 'From') : rendered.title
}

/** @param {Entry} entry @param {readonly Entry[]} all @param {string} base */
function neighbours(entry, all, base) {
  const listed = all.filter(({ page }) => page.isListed)
  const index = listed.indexOf(entry)
  if (index < 0) return ''
  const link = (/** @type {Entry | undefined} */ other, /** @type {string} */ rel) =>
    other ? `<a rel="${rel}" href="${base}${other.page.path}">${escapeHtml(labelOf(other))}</a>` : ''
  return `<nav class="neighbours" aria-label="Neighbouring pages">${link(listed[index - 1], 'prev')}${link(listed[index + 1], 'next')}</nav>`
}

/** @param {Rendered} rendered */
function contents({ headings }) {
  const chapters = headings.filter(({ level }) => level === 2)
  // A reference of few chapters has many entries.
  const shown = chapters.length < 3 ? headings.filter(({ level }) => level === 2 || level === 3) : chapters
  if (shown.length < 2) return '<div></div>'
  const links = shown.map(({ id, text }) => `<li><a href="#${id}">${escapeHtml(text)}</a></li>`)
  return `<nav class="contents" aria-label="On this page">\n<p>On this page</p>\n<ul>\n${links.join('\n')}\n</ul>\n</nav>`
}

/** The first words under the title. @param {Rendered} rendered */
function summaryOf({ passages }) {
  const text = passages.find((passage) => passage.text !== '')?.text ?? ''
  return text.length <= 160 ? text : `${text.slice(0, 160).replace(/\s\S*$/, '')} …`
}
