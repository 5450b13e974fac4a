import type { Family } from './family.ts'
import type { Segment } from './template.ts'

/** A place between two colons: what may stand there, and the family of a key that ends before it. */
interface Place {
  family: string | undefined
  readonly literals: Literal[]
  afterParam: Place | undefined
  afterHashTag: Place | undefined
}

interface Literal {
  readonly text: string
  readonly first: number
  readonly after: Place
}

const [COLON, BRACE, CLOSING_BRACE, TENANT] = [0x3a, 0x7b, 0x7d, 0x40]

/**
 * Makes the function that finds the family of a key. It walks a tree of the templates' segments and allocates nothing,
 * because metrics ask it on every operation.
 */
export function createFamilyOf(families: readonly Family[], prefix: string): (key: string) => string | undefined {
  const root = createPlace()
  for (const { name, segments } of families) segments.reduce(step, root).family = name
  return key => {
    if (!key.startsWith(prefix)) return undefined
    if (key.charCodeAt(prefix.length) !== TENANT) return find(root, key, prefix.length)
    const colonAt = key.indexOf(':', prefix.length)
    return colonAt < 0 ? undefined : find(root, key, colonAt + 1)
  }
}

function createPlace(): Place {
  return { family: undefined, literals: [], afterParam: undefined, afterHashTag: undefined }
}

/** The place after `segment`, made when it is not there yet. */
function step(place: Place, segment: Segment): Place {
  if (segment.kind === 'param') {
    place.afterParam ??= createPlace()
    return place.afterParam
  }
  if (segment.kind === 'hashTag') {
    place.afterHashTag ??= createPlace()
    return place.afterHashTag
  }
  const { text } = segment
  const known = place.literals.find(literal => literal.text === text)
  if (known !== undefined) return known.after
  const after = createPlace()
  place.literals.push({ text, first: text.charCodeAt(0), after })
  return after
}

/** No two families can give one key, so the first way through is the only one. */
function find(place: Place, key: string, at: number): string | undefined {
  const first = key.charCodeAt(at)
  // The comparison of one character spares most of the calls.
  for (const literal of place.literals) {
    if (literal.first === first && key.startsWith(literal.text, at)) {
      const family = findAfter(literal.after, key, at + literal.text.length)
      if (family !== undefined) return family
    }
  }
  if (place.afterParam === undefined && place.afterHashTag === undefined) return undefined
  const colonAt = key.indexOf(':', at)
  const end = colonAt < 0 ? key.length : colonAt
  if (first !== BRACE) return findAfter(place.afterParam, key, end)
  return key.charCodeAt(end - 1) === CLOSING_BRACE ? findAfter(place.afterHashTag, key, end) : undefined
}

function findAfter(place: Place | undefined, key: string, end: number): string | undefined {
  if (end === key.length) return place?.family
  return place !== undefined && key.charCodeAt(end) === COLON ? find(place, key, end + 1) : undefined
}
