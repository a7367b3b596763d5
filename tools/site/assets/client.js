// What a page of the documentation can do beyond being read: search, the choice of a theme, copying. Without it, all of
// the text and the navigation are there.
const THEMES = ['auto', 'light', 'dark']
const MAX_FOUND = 12

// Before the first paint, hence not in `start`.
let theme = THEMES.find((name) => name === remembered()) ?? 'auto'
document.documentElement.dataset.theme = theme
document.addEventListener('DOMContentLoaded', start)

function start() {
  chooseTheme(document.querySelector('button.theme'))
  search(document.querySelector('search'))
  for (const pre of document.querySelectorAll('article pre')) addCopyButton(pre)
  for (const heading of document.querySelectorAll('article :is(h2, h3, h4)[id]')) addAnchor(heading)
  const scrollers = [...document.querySelectorAll('article :is(pre, .table)')]
  // What scrolls must be reachable with the keyboard, and nothing else should be.
  const mark = () => {
    for (const element of scrollers) element.toggleAttribute('tabindex', element.scrollWidth > element.clientWidth)
    for (const element of scrollers) if (element.hasAttribute('tabindex')) element.tabIndex = 0
  }
  mark()
  addEventListener('resize', mark)
  document.querySelector('#menu [aria-current]')?.scrollIntoView({ block: 'nearest' })
}

function remembered() {
  try {
    return localStorage.getItem('millrace-docs-theme')
  } catch {
    return null
  }
}

function chooseTheme(button) {
  const show = () => {
    document.documentElement.dataset.theme = theme
    button.textContent = { auto: 'Auto', light: 'Light', dark: 'Dark' }[theme]
    button.ariaLabel = `Theme: ${theme}`
  }
  button.hidden = false
  show()
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]
    try {
      localStorage.setItem('millrace-docs-theme', theme)
    } catch {
      // A browser that keeps nothing shows the choice until the next page.
    }
    show()
  })
}

function search(box) {
  box.hidden = false
  const input = box.querySelector('input')
  const panel = box.querySelector('.found')
  const list = panel.querySelector('ul')
  let index
  const update = async () => {
    const query = input.value.trim()
    index ??= loadIndex()
    const found = (await index).search(query)
    if (query !== input.value.trim()) return
    panel.hidden = query === ''
    panel.querySelector('[role=status]').textContent = found.length === 1 ? '1 place' : `${found.length} places`
    list.replaceChildren(...found.slice(0, MAX_FOUND).map((hit) => resultOf(hit)))
  }
  const close = () => {
    panel.hidden = true
    input.focus()
  }
  input.addEventListener('focus', () => (index ??= loadIndex()))
  input.addEventListener('input', update)
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') list.querySelector('a')?.click()
  })
  box.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close()
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    event.preventDefault()
    const stops = [input, ...list.querySelectorAll('a')]
    const step = event.key === 'ArrowDown' ? 1 : -1
    stops[Math.max(0, Math.min(stops.length - 1, stops.indexOf(document.activeElement) + step))].focus()
  })
  list.addEventListener('click', () => (panel.hidden = true))
  document.addEventListener('click', (event) => {
    if (!box.contains(event.target)) panel.hidden = true
  })
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target.matches('input, textarea')
    if ((event.key === '/' && !isTyping) || (event.key === 'k' && (event.metaKey || event.ctrlKey))) {
      event.preventDefault()
      input.focus()
      input.select()
    }
  })
}

/** Scripts, not requests: those work from a folder, too. */
async function loadIndex() {
  await Promise.all(['minisearch.js', 'passages.js'].map(loadScript))
  const index = new globalThis.MiniSearch({
    fields: ['heading', 'page', 'text'],
    storeFields: ['heading', 'page', 'text'],
    searchOptions: {
      prefix: true,
      fuzzy: (term) => (term.length > 4 ? 0.15 : false),
      combineWith: 'AND',
      boost: { heading: 4, page: 2 },
    },
  })
  index.addAll(globalThis.millracePassages)
  return index
}

function loadScript(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.src = `${document.documentElement.dataset.base}assets/${name}`
    script.addEventListener('load', resolve)
    script.addEventListener('error', reject)
    document.head.append(script)
  })
}

function resultOf({ id, heading, page, text, terms }) {
  const link = document.createElement('a')
  link.href = document.documentElement.dataset.base + id
  const title = document.createElement('b')
  title.textContent = heading
  const where = document.createElement('span')
  where.textContent = ` · ${page}`
  const excerpt = document.createElement('small')
  const at = Math.min(
    ...terms.map((term) => text.toLowerCase().indexOf(term)).filter((place) => place >= 0),
    text.length,
  )
  const from = at > 40 && at < text.length ? text.indexOf(' ', at - 40) + 1 : 0
  excerpt.textContent = (from > 0 ? '… ' : '') + text.slice(from, from + 160)
  link.append(title, where, excerpt)
  const item = document.createElement('li')
  item.append(link)
  return item
}

function addCopyButton(pre) {
  const wrap = document.createElement('div')
  wrap.className = 'code'
  pre.replaceWith(wrap)
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = 'Copy'
  const say = (text) => {
    button.textContent = text
    setTimeout(() => (button.textContent = 'Copy'), 1500)
  }
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(pre.textContent.trimEnd()).then(
      () => say('Copied'),
      () => say('Not allowed'),
    )
  })
  wrap.append(pre, button)
}

function addAnchor(heading) {
  const link = document.createElement('a')
  link.className = 'anchor'
  link.href = `#${heading.id}`
  link.textContent = '#'
  link.ariaLabel = `Link to “${heading.textContent}”`
  heading.append(link)
}
