/**
 * Refuses what is not known: a misspelt option would be ignored, and its default hold.
 *
 * @param what - What the message calls one of them. @defaultValue 'option'
 * @throws TypeError naming the first that is unknown, and those that are known.
 */
export function refuseUnknown(options: object, known: readonly string[], what = 'option'): void {
  const unknown = Object.keys(options).find(name => !known.includes(name))
  if (unknown !== undefined) throw new TypeError(`unknown ${what} '${unknown}'; known are ${known.join(', ')}`)
}

/**
 * Asks for an object with these functions, as callers from JavaScript may forget one.
 *
 * @param name - What the message calls the object, such as `source`.
 * @throws TypeError naming the first that is missing.
 */
export function requireFunctions(name: string, value: unknown, functions: readonly string[]): void {
  const members = Object(value) as Readonly<Record<string, unknown>>
  const missing = functions.find(each => typeof members[each] !== 'function')
  if (missing !== undefined) throw new TypeError(`${name} must have the function ${missing}`)
}
