import type { HookEvent, Hooks } from './hooks.ts'

/** Prints what happens, one line an event, until the answer is called: what `verbose` does. */
export function logToConsole(hooks: Hooks): () => void {
  return hooks.subscribe((event) => {
    const line = `[millrace] ${event.type} ${describeFields(event)}`
    // oxlint-disable-next-line no-console -- the documented effect of `verbose`
    console.log(line)
  })
}

function describeFields(event: HookEvent): string {
  return Object.entries(event)
    .filter(([name]) => name !== 'type')
    .map(([name, value]) => `${name}=${value instanceof Error ? value.message : JSON.stringify(value)}`)
    .join(' ')
}
