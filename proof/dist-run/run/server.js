var __rewriteRelativeImportExtension =
  (this && this.__rewriteRelativeImportExtension) ||
  function (path, preserveJsx) {
    if (typeof path === 'string' && /^\.\.?\//.test(path)) {
      return path.replace(/\.(tsx)$|((?:\.d)?)((?:\.[^./]+?)?)\.([cm]?)ts$/i, function (m, tsx, d, ext, cm) {
        return tsx ? (preserveJsx ? '.jsx' : '.js') : d && (!ext || !cm) ? m : d + ext + '.' + cm.toLowerCase() + 'js'
      })
    }
    return path
  }
/** Starts a server from the binaries that npm installed; see `tools/servers/postgres.mjs`. */
export async function startServer(options) {
  const path = new URL('../../../tools/servers/postgres.mjs', import.meta.url).href
  const { startPostgres } = await import(__rewriteRelativeImportExtension(path))
  return startPostgres(options)
}
/** The user that servers run as: another one when we are root. */
export async function serverUser() {
  const path = new URL('../../../tools/servers/binaries.mjs', import.meta.url).href
  const { serverUser: user } = await import(__rewriteRelativeImportExtension(path))
  return user()
}
//# sourceMappingURL=server.js.map
