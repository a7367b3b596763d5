import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import type { Meta, PauseList } from '../src/wire.ts'
import { AuditScreen } from './audit.tsx'
import { SharedContext, type Shared } from './context.ts'
import { DeadScreen } from './dead.tsx'
import { EnqueueScreen } from './enqueue.tsx'
import { ErrorScreen, ErrorsScreen } from './errors.tsx'
import { HealthScreen } from './health.tsx'
import { JobScreen } from './job.tsx'
import { JobsScreen } from './jobs.tsx'
import { Keys } from './keys.tsx'
import { LanesScreen } from './lanes.tsx'
import { OverviewScreen } from './overview.tsx'
import { Empty, Trouble } from './parts.tsx'
import { Palette } from './palette.tsx'
import { PausedBanner } from './pauses.tsx'
import { usePlace, type Place } from './route.ts'
import { SchedulesScreen } from './schedules.tsx'
import { TypesScreen } from './job-types.tsx'
import { useLive, usePoll } from './use-poll.ts'
import { WorkersScreen } from './workers.tsx'

const SCREENS = [
  { path: '', name: 'Overview', isForAll: false },
  { path: 'jobs', name: 'Jobs', isForAll: false },
  { path: 'errors', name: 'Errors', isForAll: false },
  { path: 'dead', name: 'Dead letters', isForAll: false },
  { path: 'lanes', name: 'Queues', isForAll: false },
  { path: 'types', name: 'Types', isForAll: true },
  { path: 'schedules', name: 'Schedules', isForAll: false },
  { path: 'workers', name: 'Workers', isForAll: true },
  { path: 'audit', name: 'Audit', isForAll: true },
  { path: 'health', name: 'Health', isForAll: true },
  { path: 'add', name: 'Add a job', isForAll: false },
] as const

const TOLD_MS = 8000

export function App(): ReactNode {
  const { data: meta, error } = usePoll<Meta>('/meta', 60_000)
  const [told, tell] = useTold()
  const place = usePlace()
  const { data: paused, refresh: refreshPauses } = useLive<PauseList>('/pauses')
  const shared = useMemo(
    () => (meta === null ? null : { meta, tell, pauses: paused?.pauses ?? [], refreshPauses }),
    [meta, tell, paused, refreshPauses],
  )
  const screens = useMemo(() => screensFor(meta), [meta])
  const targets = useMemo(
    () => screens.map(({ path, name }) => ({ name, kind: 'screen', href: `/${path}` })),
    [screens],
  )
  return (
    <>
      <a className="skip" href="#main" onClick={skipToMain}>
        To the content
      </a>
      <header className="top">
        <a className="brand" href="#/">
          Millrace
        </a>
        <Screens current={place.parts[0] ?? ''} shown={screens} />
        <div className="who">
          {meta?.canChange === false && <span className="status waiting">read only</span>}
          {meta?.tenantId !== null && meta !== null && <span className="quiet">{meta.tenantId}</span>}
          {meta?.actor !== null && meta !== null && <span className="quiet">{meta.actor}</span>}
          <Palette screens={targets} meta={meta} />
          <Keys />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <Trouble error={error} />
        {shared !== null && (
          <SharedContext value={shared}>
            <PausedBanner />
            <Screen place={place} />
          </SharedContext>
        )}
      </main>
      <div className="told" role="status" aria-live="polite">
        {told !== null && <p className={told.kind}>{told.text}</p>}
      </div>
    </>
  )
}

interface Told {
  readonly text: string
  readonly kind: 'done' | 'failed'
}

function useTold(): readonly [Told | null, Shared['tell']] {
  const [told, setTold] = useState<Told | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const tell = useCallback((text: string, kind: Told['kind'] = 'done') => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setTold(null), TOLD_MS)
    setTold({ text, kind })
  }, [])
  return [told, tell]
}

/** The address is taken by where one is, so that the browser cannot do it itself. */
function skipToMain(event: { preventDefault(): void }): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}

type ScreenName = (typeof SCREENS)[number]

/** Those that who looks may see. */
function screensFor(meta: Meta | null): readonly ScreenName[] {
  return SCREENS.filter(
    ({ isForAll, path: place }) =>
      (!isForAll || meta?.tenantId === null) && (place !== 'add' || meta?.canChange === true),
  )
}

interface ScreensProps {
  readonly current: string
  readonly shown: readonly ScreenName[]
}

function Screens({ current, shown }: ScreensProps): ReactNode {
  return (
    <nav aria-label="Screens">
      <ul>
        {shown.map(({ path, name }) => (
          <li key={path}>
            <a href={`#/${path}`} aria-current={path === current ? 'page' : undefined}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

function Screen({ place: { parts, params } }: { readonly place: Place }): ReactNode {
  const [first = '', second] = parts
  const name = SCREENS.find(({ path }) => path === first)?.name
  const title = second === undefined ? name : first === 'errors' ? 'Error' : `Job ${second}`
  useEffect(() => {
    document.title = title === undefined ? 'Millrace' : `${title} · Millrace`
  }, [title])
  const render = second === undefined ? PLAIN[first] : DEEP[first]
  return render?.({ params, id: second ?? '' }) ?? <Empty>There is nothing here.</Empty>
}

interface Shown {
  readonly params: URLSearchParams
  /** What stands behind the screen's name. */
  readonly id: string
}

const PLAIN: Readonly<Record<string, (shown: Shown) => ReactNode>> = {
  '': () => <OverviewScreen />,
  jobs: ({ params }) => <JobsScreen params={params} />,
  errors: ({ params }) => <ErrorsScreen params={params} />,
  dead: ({ params }) => <DeadScreen params={params} />,
  lanes: () => <LanesScreen />,
  types: () => <TypesScreen />,
  schedules: () => <SchedulesScreen />,
  workers: () => <WorkersScreen />,
  audit: () => <AuditScreen />,
  health: () => <HealthScreen />,
  add: ({ params }) => <EnqueueScreen params={params} />,
}
const DEEP: typeof PLAIN = {
  jobs: ({ id }) => <JobScreen key={id} id={id} />,
  errors: ({ id }) => <ErrorScreen key={id} fingerprint={id} />,
}
