import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

/** Where Debian has it; `MILLRACE_TEST_CHROMIUM` names another one. */
const PLACES = [process.env['MILLRACE_TEST_CHROMIUM'] ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser']

const found: string | undefined = PLACES.find((place) => place !== '' && existsSync(place))

/** Whether tests in a browser can run; in CI they must. */
export const hasChromium: boolean = found !== undefined || process.env['CI'] === 'true'

/** @throws Error if there is none. */
export function launchChromium(): Promise<Browser> {
  if (found === undefined)
    throw new Error('no Chromium: install Debian’s package `chromium`, or name one in MILLRACE_TEST_CHROMIUM')
  return chromium.launch({
    executablePath: found,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
