import type { DynamicModule } from '@nestjs/common'

/**
 * Nest tells dynamic modules apart by identity, so that two equal calls of `forRoot` would make two modules. This gives the same
 * module for the same options, and remembers the latest options of each name: a second, different configuration is another module,
 * which the application refuses when it starts.
 */
export class ModuleMemo<Options> {
  readonly #latest = new Map<string, { readonly options: Options; readonly module: DynamicModule }>()

  get(name: string, options: Options, make: () => DynamicModule): DynamicModule {
    const known = this.#latest.get(name)
    if (known !== undefined && isSame(known.options, options)) return known.module
    const module = make()
    this.#latest.set(name, { options, module })
    return module
  }
}

/** Plain objects and arrays by their content; anything else, such as a pool or a factory, by identity. */
function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((item, index) => isSame(item, right[index]))
  if (!isPlain(left) || !isPlain(right)) return false
  const names = Object.keys(left)
  return names.length === Object.keys(right).length && names.every((name) => isSame(left[name], right[name]))
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
