import { Findings } from './violation.js'
/**
 * G26: the dashboard listens on loopback unless told otherwise, and then not without credentials; changes nothing for who has
 * none, comes from elsewhere, by GET or in read-only mode; answers no foreign host; shows all text as text.
 */
export function checkDashboard(timeline) {
  const findings = new Findings('G26')
  for (const started of timeline.of('dashboard-started')) {
    findings.examined++
    if (started.bind === 'default' && started.listensOn !== 'loopback') {
      findings.add(`Started with defaults it is ${started.listensOn}.`, [started])
    }
    if (started.bind === 'public' && !started.credentials && started.listensOn !== 'refused') {
      findings.add('It listens on a public address without credentials.', [started])
    }
  }
  for (const request of timeline.of('request')) {
    findings.examined++
    for (const fault of faultsOf(request)) findings.add(`${request.method} ${request.route} ${fault}`, [request])
  }
  return findings
}
function faultsOf(request) {
  const { credentials, bind, host, unescaped, csp } = request
  const wasServed = request.status < 400
  return [
    wasServed && bind === 'public' && credentials !== 'valid' && 'was served without credentials.',
    wasServed && bind === 'loopback' && credentials === 'wrong' && 'was served with wrong credentials.',
    wasServed && host === 'foreign' && 'was served for a foreign host.',
    ...(wasServed && request.mutating ? faultsOfChange(request) : []),
    unescaped !== undefined && `shows ${JSON.stringify(unescaped)} as markup.`,
    csp !== undefined && allowsInlineScript(csp) && 'has a policy that allows inline script.',
  ].filter((fault) => fault !== false)
}
function faultsOfChange({ method, origin, csrfToken, readOnly }) {
  return [
    (method === 'GET' || method === 'HEAD') && 'changes state.',
    origin === 'cross' && 'changes state for a request from elsewhere.',
    origin !== 'cross' && !csrfToken && 'changes state without the token of the page.',
    readOnly && 'changes state in read-only mode.',
  ]
}
function allowsInlineScript(csp) {
  const directives = csp.split(';').map((directive) => directive.trim().split(/\s+/))
  const scripts =
    directives.find(([name]) => name === 'script-src') ?? directives.find(([name]) => name === 'default-src')
  return scripts === undefined || scripts.includes("'unsafe-inline'")
}
//# sourceMappingURL=dashboard.js.map
