const warned = new Set<string>()

/** Tells the developer, once for each family and code. */
export function warnOnce(family: string, code: string, message: string): void {
  const occasion = `${code} ${family}`
  if (warned.has(occasion)) return
  warned.add(occasion)
  process.emitWarning(`The cache family '${family}': ${message}`, { code })
}
