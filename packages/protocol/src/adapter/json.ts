/**
 * Says why JSON would not bring `value` back exactly as it is (`'a Date'`, `'NaN'`, `'a cycle'` …), or nothing.
 * Names the kind only: property names may be personal data, values always may.
 */
export function describeUnserializable(value: unknown): string | undefined {
  try {
    return inspect(value, [])
  } catch (error) {
    if (error instanceof RangeError) return 'a structure nested too deeply'
    throw error
  }
}

function inspect(value: unknown, ancestors: object[]): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      if (Object.is(value, -0)) return '-0'
      return Number.isFinite(value) ? undefined : String(value)
    case 'object':
      return value === null ? undefined : inspectObject(value, ancestors)
    case 'undefined':
      return 'undefined'
    default:
      return `a ${typeof value}`
  }
}

function inspectObject(value: object, ancestors: object[]): string | undefined {
  if (ancestors.includes(value)) return 'a cycle'
  const isArray = Array.isArray(value)
  if (!isPlain(isArray ? Object.getPrototypeOf(value) : value)) return nameOf(value)
  if (Object.getOwnPropertySymbols(value).length > 0) return 'a symbol as a property name'
  const keys = Object.keys(value)
  // Indices come first and in order: if the last of as many keys as there are elements is one, all are.
  if (isArray && (keys.length !== value.length || (keys.at(-1) ?? '-1') !== String(value.length - 1))) {
    return 'an array with holes or extra properties'
  }
  ancestors.push(value)
  for (const key of keys) {
    const problem = inspect((value as Record<string, unknown>)[key], ancestors)
    if (problem !== undefined) return problem
  }
  ancestors.pop()
  return undefined
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  // An object of another realm (node:vm, jest) has a different Object.prototype; that one has no prototype either.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function nameOf(value: object): string {
  const name = value.constructor?.name
  return typeof name === 'string' && name !== '' ? `a ${name}` : 'a class instance'
}
