/** @throws TypeError for an option that `caller` does not know: a misspelt one would go unheeded. */
export function checkOptions(caller: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${caller}: options must be an object`)
  const unknown = Object.keys(options).find(option => !known.includes(option))
  if (unknown !== undefined) {
    throw new TypeError(`${caller}: unknown option '${unknown}'; known are ${known.join(', ')}`)
  }
}
