import type { Family } from './family.ts'
import type { KeyParam } from './parameter.ts'
import type { ParamNames } from './template.ts'

/** A parameter for each name of the template. */
export type ParamsOf<Template extends string> = { readonly [Name in ParamNames<Template>]: KeyParam }

/** What a call passes: nothing when the template has no parameters. */
export type ParamsArgument<Template extends string> = [ParamNames<Template>] extends [never]
  ? []
  : [params: ParamsOf<Template>]

/** Parameters as they arrive: the compiler has checked the names, nobody the values. */
type Params = Readonly<Record<string, unknown>>

/** Makes the function that puts a family's keys together under `prefix`, which ends in `:` or is empty. */
export function createBuilder({ start, slots }: Family, prefix: string): (params?: Params) => string {
  const head = prefix + start
  return params => {
    let key = head
    for (const { parameter, after } of slots) key += parameter.encode(params?.[parameter.name]) + after
    return key
  }
}

/**
 * Makes the function that puts globs together: what is not given is a wildcard.
 *
 * It throws a TypeError for a name that the template does not have and for a value that is given as `undefined`. Taken
 * as "not given", either would delete everybody's keys.
 */
export function createPatternBuilder({ name, start, slots }: Family, prefix: string): (params?: Params) => string {
  const head = prefix + start
  return (params = {}) => {
    if (typeof params !== 'object' || params === null) throw new TypeError(`${name}: parameters must be an object`)
    const stranger = Object.keys(params).find(given => slots.every(({ parameter }) => parameter.name !== given))
    if (stranger !== undefined) throw new TypeError(`${name}: its template has no parameter '${stranger}'`)
    let pattern = head
    for (const { parameter, after } of slots) {
      // `in`, so that an accessor of a class counts as given, as it does for a key.
      pattern += (parameter.name in params ? parameter.encode(params[parameter.name]) : '*') + after
    }
    return pattern
  }
}
