/** The parameter that a segment stands for, as a type. */
type SegmentParam<Segment extends string> = Segment extends `{{${infer Name}}}`
  ? Name
  : Segment extends `{${infer Name}}`
    ? Name
    : never

/** The names of a template's parameters: `'userId' | 'accountId'` for `'user:{userId}:account:{accountId}'`. */
export type ParamNames<Template extends string> = string extends Template
  ? string
  : Template extends `${infer First}:${infer Rest}`
    ? SegmentParam<First> | ParamNames<Rest>
    : SegmentParam<Template>

/** What stands between two colons of a template. A hash tag is a parameter too. */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'hashTag'; readonly name: string }

const SEGMENT =
  /^(?:(?<text>[A-Za-z0-9_.-]+)|\{(?<param>[A-Za-z][A-Za-z0-9_]*)\}|\{\{(?<hashTag>[A-Za-z][A-Za-z0-9_]*)\}\})$/

/**
 * Reads `'user:{userId}:profile'`: segments between colons, each a literal, a `{parameter}`, or a `{{parameter}}` whose
 * value decides the cluster's slot.
 *
 * @throws TypeError when it is not such a template; `family` is named in the message.
 */
export function parseTemplate(family: string, template: unknown): readonly Segment[] {
  if (typeof template !== 'string') {
    throw new TypeError(`${family}: the template must be a string, as in 'user:{userId}', got ${typeof template}`)
  }
  const fail = (expectation: string) => new TypeError(`${family}: ${expectation}, got the template '${template}'`)
  const segments = template.split(':').map(source => {
    const segment = parseSegment(source)
    if (segment === undefined) {
      throw fail('each segment must be a literal of A-Z a-z 0-9 _ . - or one {parameter}')
    }
    return segment
  })
  // A parameter in front could take on the mark of a tenant or of the engine.
  if (segments[0]?.kind !== 'literal') throw fail('the first segment must be a literal')
  const names = segments.flatMap(segment => (segment.kind === 'literal' ? [] : segment.name))
  if (new Set(names).size < names.length) throw fail('a parameter must not stand in it twice')
  // Redis reads the first hash tag only, so a second one would promise what it does not keep.
  if (segments.filter(({ kind }) => kind === 'hashTag').length > 1)
    throw fail('at most one parameter may be a hash tag')
  return segments
}

function parseSegment(source: string): Segment | undefined {
  const groups = SEGMENT.exec(source)?.groups
  if (groups === undefined) return undefined
  const { text, param, hashTag } = groups
  if (text !== undefined) return { kind: 'literal', text }
  return param === undefined ? { kind: 'hashTag', name: hashTag ?? '' } : { kind: 'param', name: param }
}

/** Tells whether some values of their parameters make one key of two templates. */
export function canCollide(a: readonly Segment[], b: readonly Segment[]): boolean {
  return a.length === b.length && a.every((segment, at) => canBeEqual(segment, b[at]))
}

function canBeEqual(a: Segment, b: Segment | undefined): boolean {
  if (a.kind === 'literal' && b?.kind === 'literal') return a.text === b.text
  // Only a hash tag has braces: encoded parameters and literals never do.
  return (a.kind === 'hashTag') === (b?.kind === 'hashTag')
}
