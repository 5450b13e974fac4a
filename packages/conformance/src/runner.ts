/** Registers a test: what every runner takes. */
export type RegisterTest = (title: string, run: () => Promise<void>) => unknown

export type Advance = (milliseconds: number) => Promise<void>

/** @throws TypeError when one of `functions` is none, or when there is an option that is not known. */
export function checkOptions(functions: Readonly<Record<string, unknown>>, unknown: object): void {
  const [unknownName] = Object.keys(unknown)
  if (unknownName !== undefined) throw new TypeError(`unknown option '${unknownName}'`)
  for (const [name, value] of Object.entries(functions)) {
    if (typeof value !== 'function') throw new TypeError(`${name} must be a function, got ${typeof value}`)
  }
}

export function wait(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}
