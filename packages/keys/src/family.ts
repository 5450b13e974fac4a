import { MAX_KEY_LENGTH, problemOfTtl } from '@dashtam/cache-protocol/adapter'
import { type Families, type FamilyDefinition, RESERVED_NAMES } from './definition.ts'
import { MAX_ENCODED_LENGTH } from './encoding.ts'
import { Parameter } from './parameter.ts'
import { createHasher, type Hasher } from './secret.ts'
import { canCollide, parseTemplate, type Segment } from './template.ts'

/** A parameter where it stands; what follows it is literal up to the next one. */
interface Slot {
  readonly parameter: Parameter
  readonly after: string
}

/** A definition, checked and taken apart. It knows no prefix, so that all tenants share it. */
export interface Family {
  readonly name: string
  readonly segments: readonly Segment[]
  /** The literal text before the first parameter. */
  readonly start: string
  readonly slots: readonly Slot[]
  readonly ttlSeconds: number | undefined
}

/**
 * Checks a registry and takes it apart.
 *
 * @throws TypeError when a definition is wrong, or when two families could give one key.
 */
export function compileFamilies(definitions: Families, secret: string | Uint8Array | undefined): readonly Family[] {
  const hasher = secret === undefined ? undefined : createHasher(secret)
  const families = Object.entries(definitions).map(([name, definition]) => compileFamily(name, definition, hasher))
  for (const [at, family] of families.entries()) {
    const rival = families.slice(0, at).find(({ segments }) => canCollide(segments, family.segments))
    if (rival !== undefined) {
      throw new TypeError(
        `${rival.name} and ${family.name} could give one key: tell their templates apart by a literal`
      )
    }
  }
  return families
}

function compileFamily(name: string, given: string | FamilyDefinition, hasher: Hasher | undefined): Family {
  checkName(name)
  const definition = typeof given === 'string' ? { template: given } : given
  checkProperties(name, definition)
  const { template, hashed = [], ttlSeconds } = definition
  const segments = parseTemplate(name, template)
  checkHashed(name, hashed, segments, hasher)
  checkTtl(name, ttlSeconds)
  const [start = '', ...afters] = literalsAround(segments)
  checkLength(name, [start, ...afters])
  const slots = segments
    .filter(segment => segment.kind !== 'literal')
    .map(({ kind, name: parameter }, at) => ({
      parameter: new Parameter({
        family: name,
        name: parameter,
        isHashTag: kind === 'hashTag',
        hasher: hashed.includes(parameter) ? hasher : undefined
      }),
      after: afters[at] ?? ''
    }))
  return { name, segments, start, slots, ttlSeconds }
}

/** Starts with a letter, so that `__proto__` is none; what `Object.prototype` has, such as `constructor`, may be. */
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/

function checkName(name: string): void {
  if (!NAME.test(name)) {
    throw new TypeError(`a family's name must be a letter, then letters, digits or _, got ${JSON.stringify(name)}`)
  }
  if ((RESERVED_NAMES as readonly string[]).includes(name)) {
    throw new TypeError(`a family cannot be named '${name}': one of the reserved names ${RESERVED_NAMES.join(', ')}`)
  }
}

/** Everything that a definition may say; typed so that none is forgotten. */
const PROPERTIES: Readonly<Record<keyof FamilyDefinition, true>> = {
  template: true,
  hashed: true,
  ttlSeconds: true,
  description: true,
  writtenBy: true,
  invalidatedBy: true
}

/** A slip such as `hash` for `hashed` would leave a secret readable. */
function checkProperties(name: string, definition: FamilyDefinition): void {
  if (typeof definition !== 'object' || definition === null) {
    throw new TypeError(`${name}: the definition must be a template or an object, got ${String(definition)}`)
  }
  const unknown = Object.keys(definition).find(property => !Object.hasOwn(PROPERTIES, property))
  if (unknown !== undefined) {
    throw new TypeError(`${name}: unknown property '${unknown}'; known are ${Object.keys(PROPERTIES).join(', ')}`)
  }
}

function checkHashed(
  name: string,
  hashed: readonly string[],
  segments: readonly Segment[],
  hasher: Hasher | undefined
): void {
  if (!Array.isArray(hashed)) throw new TypeError(`${name}: hashed must be an array of names, got ${typeof hashed}`)
  for (const hashedName of hashed) {
    if (!segments.some(segment => segment.kind !== 'literal' && segment.name === hashedName)) {
      throw new TypeError(`${name}: hashed must name parameters of the template, got ${JSON.stringify(hashedName)}`)
    }
  }
  if (hashed.length > 0 && hasher === undefined) {
    throw new TypeError(`${name}: hashed parameters need the option secret: 32 bytes or more that only the app knows`)
  }
}

function checkTtl(name: string, ttlSeconds: number | undefined): void {
  const problem = ttlSeconds === undefined ? undefined : problemOfTtl(ttlSeconds)
  if (problem !== undefined) throw new TypeError(`${name}: ${problem}`)
}

/** `['user:', ':profile']` for `'user:{userId}:profile'`; a hash tag's braces are literal. */
function literalsAround(segments: readonly Segment[]): readonly string[] {
  return segments
    .map(segment => (segment.kind === 'literal' ? segment.text : segment.kind === 'param' ? '\0' : '{\0}'))
    .join(':')
    .split('\0')
}

/** Room for the longest prefix (64), the longest tenant, and what separates them. */
const MAX_HEAD_LENGTH = 64 + MAX_ENCODED_LENGTH + ':@:'.length

/** Every value of its parameters has a key that a cache accepts. */
function checkLength(name: string, literals: readonly string[]): void {
  const longest = MAX_HEAD_LENGTH + literals.join('').length + (literals.length - 1) * MAX_ENCODED_LENGTH
  if (longest > MAX_KEY_LENGTH) {
    throw new TypeError(
      `${name}: its longest key would have ${longest} characters, at most ${MAX_KEY_LENGTH} are allowed`
    )
  }
}
