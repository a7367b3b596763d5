import { useEffect, useState, type ReactNode } from 'react'
import { Dialog } from './parts.tsx'
import { go } from './route.ts'

const STORED = 'millrace.keys'
const PLACES: Readonly<Record<string, string>> = {
  o: '/',
  j: '/jobs',
  s: '/schedules',
  w: '/workers',
  e: '/errors',
  d: '/dead',
  q: '/lanes',
  t: '/types',
  a: '/add',
  u: '/audit',
  h: '/health',
}

/** Keys for those who like them; they can be turned off, since speech input types letters. */
export function Keys(): ReactNode {
  const [isOn, setIsOn] = useState(() => localStorage.getItem(STORED) !== 'off')
  const [isShown, setIsShown] = useState(false)
  useEffect(() => {
    if (!isOn) return undefined
    let isGoing = false
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
      const place = isGoing ? PLACES[event.key] : undefined
      isGoing = event.key === 'g'
      if (place !== undefined) go(place)
      else if (event.key === '?') setIsShown(true)
      else if (event.key === '/') focusFirst('form input', event)
      else if (event.key === 'j' || event.key === 'k') moveRow(event.key === 'j' ? 1 : -1)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [isOn])
  const turn = (on: boolean): void => {
    localStorage.setItem(STORED, on ? 'on' : 'off')
    setIsOn(on)
  }
  return (
    <>
      <button type="button" className="plain" onClick={() => setIsShown(true)}>
        Keys
      </button>
      {isShown && <Help isOn={isOn} turn={turn} onClose={() => setIsShown(false)} />}
    </>
  )
}

interface HelpProps {
  readonly isOn: boolean
  readonly turn: (on: boolean) => void
  readonly onClose: () => void
}

function Help({ isOn, turn, onClose }: HelpProps): ReactNode {
  const keys: readonly (readonly [string, string])[] = [
    ...Object.entries(PLACES).map(([key, place]) => [`g ${key}`, place === '/' ? 'overview' : place.slice(1)] as const),
    ['⌘K, Ctrl K', 'go anywhere, by name'],
    ['/', 'search, filter'],
    ['j, k', 'next, previous row'],
    ['?', 'this list'],
  ]
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="facts">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input type="checkbox" checked={isOn} onChange={(event) => turn(event.target.checked)} /> Keys are on
      </label>
      <div className="actions">
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  )
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('input, textarea, select, dialog') !== null
}

function focusFirst(selector: string, event: Event): void {
  const field = document.querySelector(`main ${selector}`)
  if (!(field instanceof HTMLElement)) return
  event.preventDefault()
  field.focus()
}

/** From link to link in the first column of the tables. */
function moveRow(step: number): void {
  const links = [...document.querySelectorAll('main tbody td:first-child a')].filter(
    (link) => link instanceof HTMLElement,
  )
  const at = links.findIndex((link) => link === document.activeElement)
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step
  links[Math.min(Math.max(next, 0), links.length - 1)]?.focus()
}
