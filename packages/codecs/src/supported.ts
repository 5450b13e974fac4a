import type { SerializerName } from './header.ts'

/** How much a value may hold. */
export interface ValueLimits {
  /** How deep containers may be nested in each other. */
  readonly maxDepth: number
  /** How many values there may be. What several places share counts for each. */
  readonly maxValues: number
}

/** Why a value cannot be encoded. Names its kind only: property names may be personal data, values always may. */
export type Problem = { readonly unsupported: string } | 'too_deep' | 'too_large'

/**
 * Looks for what would not come back from a serializer as it went in. Both carry null, booleans, strings, finite numbers,
 * dense arrays and plain objects; MessagePack also what is in {@link LEAVES}, NaN, infinities, undefined, bigints, Map
 * and Set, but no lone surrogates and no property `__proto__`.
 *
 * Stricter than `describeUnserializable` of the port, which lets pass what JSON text cannot tell apart (objects without a
 * prototype, subclasses of Array), and bounded.
 */
export function findProblem(value: unknown, serializer: SerializerName, limits: ValueLimits): Problem | undefined {
  return new Inspection(serializer === 'messagePack', limits).inspect(value)
}

const LEAVES: ReadonlySet<object> = new Set(
  [
    Date,
    ArrayBuffer,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array
  ].map(({ prototype }) => prototype)
)

class Inspection {
  readonly #isRich: boolean
  readonly #limits: ValueLimits
  readonly #ancestors: object[] = []
  #values = 0

  constructor(isRich: boolean, limits: ValueLimits) {
    this.#isRich = isRich
    this.#limits = limits
  }

  inspect(value: unknown): Problem | undefined {
    // A value takes a byte at least: a graph of shared references ends here, before it has been walked for hours.
    if (++this.#values > this.#limits.maxValues) return 'too_large'
    switch (typeof value) {
      case 'boolean':
        return undefined
      case 'string':
        return this.#inspectString(value)
      case 'number':
        if (Object.is(value, -0)) return { unsupported: '-0' }
        return this.#isRich || Number.isFinite(value) ? undefined : { unsupported: String(value) }
      case 'object':
        return value === null ? undefined : this.#inspectObject(value)
      case 'undefined':
        return this.#isRich ? undefined : { unsupported: 'undefined' }
      case 'bigint':
        return this.#isRich ? undefined : { unsupported: 'a bigint' }
      default:
        return { unsupported: `a ${typeof value}` }
    }
  }

  #inspectString(text: string): Problem | undefined {
    return !this.#isRich || text.isWellFormed() ? undefined : { unsupported: 'a string with a lone surrogate' }
  }

  #inspectObject(value: object): Problem | undefined {
    if (this.#ancestors.includes(value)) return { unsupported: 'a cycle' }
    if (this.#ancestors.length >= this.#limits.maxDepth) return 'too_deep'
    this.#ancestors.push(value)
    const problem = this.#inspectContent(value)
    this.#ancestors.pop()
    return problem
  }

  #inspectContent(value: object): Problem | undefined {
    const prototype = Object.getPrototypeOf(value)
    if (prototype === Object.prototype) return this.#inspectProperties(value)
    if (prototype === Array.prototype && Array.isArray(value)) return this.#inspectArray(value)
    if (this.#isRich) {
      if (prototype === Map.prototype) return this.#inspectMap(value as Map<unknown, unknown>)
      if (prototype === Set.prototype) return this.#inspectSet(value as Set<unknown>)
      if (LEAVES.has(prototype)) return this.#inspectLeaf(value)
    }
    return { unsupported: nameOf(value, prototype) }
  }

  #inspectProperties(value: object): Problem | undefined {
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return { unsupported: 'a toJSON function' }
    if (hasSymbols(value)) return SYMBOL
    // Three times as fast as Object.keys(): V8 keeps the names of a shape, and for-in does not copy them.
    for (const key in value) {
      // MessagePack's decoder renames it, as a guard against prototype pollution.
      if (this.#isRich && key === '__proto__') return { unsupported: 'a property named __proto__' }
      const problem = this.#inspectString(key) ?? this.inspect((value as Record<string, unknown>)[key])
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #inspectArray(array: readonly unknown[]): Problem | undefined {
    const keys = Object.keys(array)
    // Indices come first, in order, so the last of them tells whether one is missing.
    const isDense = keys.length === array.length && (keys.length === 0 || keys.at(-1) === String(array.length - 1))
    if (!isDense) return { unsupported: 'an array with holes or extra properties' }
    if (hasSymbols(array)) return SYMBOL
    for (const item of array) {
      const problem = this.inspect(item)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #inspectMap(map: ReadonlyMap<unknown, unknown>): Problem | undefined {
    for (const [key, value] of map) {
      const problem = this.inspect(key) ?? this.inspect(value)
      if (problem !== undefined) return problem
    }
    return this.#inspectLeaf(map)
  }

  #inspectSet(set: ReadonlySet<unknown>): Problem | undefined {
    for (const value of set) {
      const problem = this.inspect(value)
      if (problem !== undefined) return problem
    }
    return this.#inspectLeaf(set)
  }

  #inspectLeaf(value: object): Problem | undefined {
    // To list the properties of a typed array is to make a string of every index.
    if (ArrayBuffer.isView(value) || Reflect.ownKeys(value).length === 0) return undefined
    return { unsupported: `${nameOf(value)} with extra properties` }
  }
}

const SYMBOL: Problem = { unsupported: 'a symbol as a property name' }

function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0
}

/**
 * Looks for what a parser may have made of bytes that are not ours: another class, such as Error or RegExp, or a tower of
 * containers that whoever walks over it has no stack for. A parser leaves no holes, symbols or cycles.
 */
export function findForeign(value: unknown, maxDepth: number): 'corrupt' | 'too_deep' | undefined {
  if (!isObject(value)) return undefined
  if (maxDepth === 0) return 'too_deep'
  if (Array.isArray(value)) return findForeignItem(value, maxDepth)
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Map.prototype) return findForeignItem(Array.from(value as Map<unknown, unknown>).flat(), maxDepth)
  if (prototype === Set.prototype) return findForeignItem(Array.from(value as Set<unknown>), maxDepth)
  if (prototype !== Object.prototype) return LEAVES.has(prototype) ? undefined : 'corrupt'
  for (const key in value) {
    const problem = findForeign((value as Record<string, unknown>)[key], maxDepth - 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

function findForeignItem(items: readonly unknown[], maxDepth: number): 'corrupt' | 'too_deep' | undefined {
  for (const item of items) {
    const problem = findForeign(item, maxDepth - 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/**
 * Freezes a tree of plain objects and arrays, which has nothing foreign in it then; `false` when there is anything else in
 * it, or more than `maxDepth` levels. A direct recursion: over `Object.values` it takes as long as the parsing.
 */
export function freezePlain(value: unknown, maxDepth: number): boolean {
  if (!isObject(value)) return true
  if (maxDepth === 0) return false
  if (Array.isArray(value)) {
    for (const item of value) if (isObject(item) && !freezePlain(item, maxDepth - 1)) return false
  } else {
    if (Object.getPrototypeOf(value) !== Object.prototype) return false
    for (const key in value) {
      const item = (value as Record<string, unknown>)[key]
      if (isObject(item) && !freezePlain(item, maxDepth - 1)) return false
    }
  }
  Object.freeze(value)
  return true
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function nameOf(value: object, prototype: unknown = Object.getPrototypeOf(value)): string {
  if (prototype === null) return 'an object without a prototype'
  const name = (prototype as object).constructor?.name
  return typeof name === 'string' && name !== '' ? `a ${name}` : 'a class instance'
}
