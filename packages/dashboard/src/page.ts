import { assets, entry } from './generated/assets.js'
import { notFound } from './locate.ts'

/** The page: nothing but where its files and the API are. */
export function page(basePath: string): Response {
  const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <meta name="millrace-base" content="${basePath}">
    <title>Millrace</title>
    <link rel="icon" href="${basePath}/assets/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="${basePath}/assets/${entry.style}">
    <script type="module" src="${basePath}/assets/${entry.script}"></script>
  </head>
  <body>
    <div id="root"></div>
    <noscript>The dashboard needs JavaScript. Its API does not: see ${basePath}/api/openapi.json.</noscript>
  </body>
</html>
`
  return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' } })
}

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="none" stroke="#0d7a5f" stroke-width="3" stroke-linecap="round"><circle cx="16" cy="16" r="8"/><path d="M16 2v28M2 16h28M6.1 6.1l19.8 19.8M25.9 6.1 6.1 25.9"/></g></svg>`

/** @throws RequestProblem 404 */
export function asset(name: string): Response {
  const found = name === 'icon.svg' ? { type: 'image/svg+xml', body: ICON } : own(name)
  const cache = name === 'icon.svg' ? 'max-age=86400' : 'max-age=31536000, immutable'
  return new Response(found.body, { headers: { 'content-type': found.type, 'cache-control': `private, ${cache}` } })
}

function own(name: string): { readonly type: string; readonly body: string } {
  const found = Object.hasOwn(assets, name) ? assets[name] : undefined
  if (found === undefined) throw notFound()
  return found
}
