import { Script } from 'node:vm'
import { MillraceError } from '../errors.ts'

/** `error` explains a refusal; beside `isSerializable: true` it is a warning. */
export interface HandlerSerialization {
  readonly isSerializable: boolean
  readonly error?: string
}

// `unknown` arguments would refuse every handler with a typed payload; nothing here calls it.
type AnyHandler = (payload: never, signal: AbortSignal, ctx: never) => unknown

/**
 * Whether the source text of `handler` can be rebuilt in a thread, as `forceKillOnTimeout` does. It cannot if it uses
 * `this` or native code (a bound function, for one). A name it seems to close over gives a warning, since what lies
 * outside the text does not exist in the thread. Never throws and never calls the handler.
 *
 * @param jobType - Named in the message. Default `'unknown'`.
 */
export function validateHandlerSerializable(handler: AnyHandler, jobType = 'unknown'): HandlerSerialization {
  try {
    const text = sourceText(handler, jobType)
    handlerExpression(text, jobType)
    const names = outsideNames(text)
    if (names.length === 0) return { isSerializable: true }
    return { isSerializable: true, error: closureWarning(jobType, names) }
  } catch (error) {
    if (error instanceof MillraceError) return { isSerializable: false, error: error.message }
    return { isSerializable: false, error: `Failed to validate handler serialization: ${messageOf(error)}` }
  }
}

/**
 * As `validateHandlerSerializable`, and rebuilds the handler from its text in an empty context. The handler itself is
 * not called, so nothing it does happens; that what it needs exists in a thread is for a test with real jobs to show.
 */
export function testHandlerSerialization(handler: AnyHandler, jobType = 'unknown'): Promise<HandlerSerialization> {
  const validated = validateHandlerSerializable(handler, jobType)
  if (!validated.isSerializable) return Promise.resolve(validated)
  try {
    const expression = handlerSource(handler, jobType)
    const rebuilt: unknown = new Script(expression).runInNewContext({}, { timeout: REBUILD_LIMIT_MS })
    if (typeof rebuilt !== 'function') throw new MillraceError('HANDLER_INVALID', notAFunction(jobType))
    return Promise.resolve(validated)
  } catch (error) {
    return Promise.resolve({ isSerializable: false, error: messageOf(error) })
  }
}

/**
 * An expression that gives `handler` again, from its source text.
 *
 * @throws MillraceError `HANDLER_INVALID` if the text cannot stand on its own.
 */
export function handlerSource(handler: AnyHandler, jobType: string): string {
  return handlerExpression(sourceText(handler, jobType), jobType)
}

/** What a thread answers when the expression gives something that cannot be called. */
export function notAFunction(jobType: string): string {
  return `Handler deserialization did not produce a function. Job type "${jobType}": ${REMEDY}`
}

/** What a thread answers when evaluating the expression throws; the reason follows. */
export function notDeserialized(jobType: string): string {
  return `Handler cannot be deserialized in worker thread. Job type "${jobType}": ${REMEDY} Reason: `
}

const REBUILD_LIMIT_MS = 100

const REMEDY =
  'write the handler as a function that imports what it needs inside its body, or name it by its module: { module: new URL(...) }.'

/** Parameter lists may say `this` to please the type checker; the compiler removes it, so that none is left to skip. */
const USES_THIS = /\bthis\b\s*(?:\.|\[|\?\.)/

function sourceText(handler: AnyHandler, jobType: string): string {
  if (typeof handler !== 'function')
    throw new MillraceError('HANDLER_INVALID', `Handler for job type "${jobType}" is not a function`)
  const text = handler.toString()
  const subject = `Handler for job type "${jobType}"`
  if (/(?:^|\{)\s*\[native code\]\s*\}?\s*$/.test(text)) {
    throw new MillraceError(
      'HANDLER_INVALID',
      `${subject} contains native code and cannot be serialized. A bound function has no source text: ${REMEDY}`,
    )
  }
  if (USES_THIS.test(withoutText(text))) {
    throw new MillraceError(
      'HANDLER_INVALID',
      `${subject} uses 'this' context which cannot be serialized. To run in a thread of its own, ${REMEDY}`,
    )
  }
  return text
}

function handlerExpression(text: string, jobType: string): string {
  const expression = `(${text}\n)`
  const error = parseError(expression)
  if (error === undefined) return expression
  // A method of an object literal, such as `async email(payload) { … }`, is no expression by itself.
  const method = `((handlers) => handlers[Reflect.ownKeys(handlers)[0]])({${text}\n})`
  if (parseError(method) === undefined) return method
  throw new MillraceError(
    'HANDLER_INVALID',
    `Handler for job type "${jobType}" cannot be serialized: ${messageOf(error)}. To run in a thread of its own, ${REMEDY}`,
    { cause: error },
  )
}

/** Parses only; nothing runs. */
function parseError(expression: string): unknown {
  try {
    // oxlint-disable-next-line no-new -- The constructor is the parser.
    new Script(expression)
    return undefined
  } catch (error) {
    return error
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error || isErrorLike(error) ? error.message : String(error)
}

/** Errors of another realm are no `Error` of ours. */
function isErrorLike(value: unknown): value is { readonly message: string } {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
}

function closureWarning(jobType: string, names: readonly string[]): string {
  return `Handler for job type "${jobType}" seems to use ${names.map((name) => `"${name}"`).join(', ')} from outside its own text, which does not exist in a worker thread. If so, ${REMEDY}`
}

/** The text without comments and the insides of quoted strings, as far as a pattern can tell them. */
function withoutText(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, (match) =>
    match.startsWith('/') ? ' ' : "''",
  )
}

const KEYWORDS = new Set(
  `arguments async await break case catch class const continue debugger default delete do else enum export extends false
  finally for from function get if import in instanceof let meta new null of return set static super switch this throw true
  try typeof undefined var void while with yield target require __name __vite_ssr_dynamic_import__`.split(/\s+/),
)

/**
 * Names that the text uses, does not declare and that are no globals: a guess, good for a warning only. Declarations are
 * taken to be all names after `const`, `let`, `var`, `function`, `class` and `catch (`, before `=>`, and in parameter lists.
 */
function outsideNames(text: string): readonly string[] {
  const code = withoutText(text).replaceAll(/`(?:\\[\s\S]|[^`\\])*`/g, (template) =>
    [...template.matchAll(/\$\{([^}]*)\}/g)].map((match) => `(${match[1] ?? ''})`).join(' '),
  )
  const declared = new Set<string>()
  const lists = [
    /\b(?:const|let|var)\s+([\s\S]*?)(?==(?!=)|;|\n|\bof\b|\bin\b)/g,
    /\b(?:function|class)\s*\*?\s*([\w$]+)/g,
    /\bcatch\s*\(([^)]*)\)/g,
    /\(([^()]*(?:\([^()]*\)[^()]*)*)\)\s*(?:=>|\{)/g,
    /([\w$]+)\s*=>/g,
    /^\s*(?:async\s+)?\*?\s*([\w$]+)\s*\(/g,
  ]
  for (const pattern of lists) {
    for (const match of code.matchAll(pattern)) {
      for (const name of (match[1] ?? '').match(/[A-Za-z_$][\w$]*/g) ?? []) declared.add(name)
    }
  }
  const used = code.matchAll(/(?<![\w$.]|\.\s*)([A-Za-z_$][\w$]*)(?![\w$]|\s*:(?!:))/g)
  const names = [...used].map((match) => match[1] ?? '')
  return [...new Set(names)].filter((name) => !declared.has(name) && !KEYWORDS.has(name) && !(name in globalThis))
}
