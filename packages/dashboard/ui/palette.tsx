import { useEffect, useMemo, useRef, useState, type KeyboardEvent as Pressed, type ReactNode } from 'react'
import type { Meta } from '../src/wire.ts'
import { queryOf } from './api.ts'
import { go } from './route.ts'

const MOST = 9

/** Where one can go. */
export interface Target {
  readonly name: string
  /** What it is, beside its name. */
  readonly kind: string
  readonly href: string
}

interface Props {
  readonly screens: readonly Target[]
  readonly meta: Meta | null
}

/** Goes anywhere by its name: opened by ⌘K, or Ctrl+K, from wherever the focus is. */
export function Palette({ screens, meta }: Props): ReactNode {
  const [isOpen, setIsOpen] = useState(false)
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey) || event.altKey || event.shiftKey) return
      event.preventDefault()
      // Over another dialog it would take away what stands in it.
      if (document.querySelector('dialog[open]:not(.palette)') === null) setIsOpen((was) => !was)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
  const modifier = /Mac|iP(?:hone|ad)/.test(navigator.platform) ? '⌘' : 'Ctrl '
  return (
    <>
      <button
        type="button"
        className="find"
        onClick={() => setIsOpen(true)}

        aria-keyshortcuts="Control+K Meta+K"
      >
        <span>Go to…</span> <kbd aria-hidden="true">{modifier}K</kbd>
      </button>
      {isOpen && <Open screens={screens} meta={meta} onClose={() => setIsOpen(false)} />}
    </>
  )
}

function Open({ screens, meta, onClose }: Props & { readonly onClose: () => void }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  useEffect(() => dialog.current?.showModal(), [])
  const targets = useMemo(() => targetsOf(text, screens, meta), [text, screens, meta])
  const chosen = Math.min(at, targets.length - 1)
  const take = ({ href }: Target): void => {
    onClose()
    go(href)
  }
  const onKeyDown = (event: Pressed): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    const target = targets[chosen]
    if (step !== 0) setAt((chosen + step + targets.length) % targets.length)
    else if (event.key === 'Enter' && target !== undefined) take(target)
    else return
    event.preventDefault()
  }
  return (
    <dialog ref={dialog} className="palette" onClose={onClose} aria-label="Go to">
      <input
        type="text"
        role="combobox"
        aria-label="A screen, a type, the number of a job, or a search"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-autocomplete="list"
        aria-activedescendant={`palette-${chosen}`}
        placeholder="A screen, a type, the number of a job, or a search"
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          setAt(0)
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="palette-list" role="listbox" aria-label="Places">
        {targets.map((target, index) => (
          <li
            key={`${target.kind} ${target.name}`}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === chosen}
            onPointerMove={() => setAt(index)}
            onClick={() => take(target)}
          >
            <span className="name">{target.name}</span> <span className="quiet">{target.kind}</span>
          </li>
        ))}
      </ul>
    </dialog>
  )
}

/** Never none: whatever is no name is a search. */
function targetsOf(text: string, screens: readonly Target[], meta: Meta | null): readonly Target[] {
  const wanted = text.trim()
  if (wanted === '') return screens
  const number = /^#?([1-9]\d{0,14})$/.exec(wanted)?.[1]
  const types = meta?.jobTypes ?? []
  const found = [
    ...screens,
    ...types.map((type) => ({ name: type, kind: 'jobs of this type', href: `/jobs${queryOf({ jobType: type })}` })),
    ...(meta?.canChange === true
      ? types.map((type) => ({ name: type, kind: 'add a job', href: `/add${queryOf({ jobType: type })}` }))
      : []),
  ].filter(({ name, kind }) => matches(`${name} ${kind}`, wanted))
  return [
    ...(number === undefined ? [] : [{ name: number, kind: 'job', href: `/jobs/${number}` }]),
    ...found.slice(0, MOST),
    { name: wanted, kind: 'search jobs', href: `/jobs${queryOf({ q: wanted })}` },
  ]
}

/** Each word stands somewhere in it. */
function matches(text: string, wanted: string): boolean {
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.toLowerCase().includes(word))
}
