/** What the instances have counted, together. */
export interface Reading {
  readonly database: number
  readonly provider: number
  /** Reads by where they were answered. */
  readonly memory: number
  readonly shared: number
  readonly loaded: number
}

/** What a step asks for: whoever asks who it is, and whether he may, is not what it is about. */
const BESIDE = /^(?:session|userSessions|authorization|policyRevision|securityGlobalVersion|securityUserVersion)$/

export async function read(addresses: readonly string[]): Promise<Reading> {
  const pages = await Promise.all(addresses.map(async address => (await fetch(`${address}/metrics`)).text()))
  const sum = { database: 0, provider: 0, memory: 0, shared: 0, loaded: 0 }
  for (const [, name, labels = '', value] of pages.join('\n').matchAll(/^(dashtam_\w+_total)(\{[^}]*\})? (\d+)$/gm)) {
    const count = Number(value)
    if (name === 'dashtam_demo_database_queries_total') sum.database += count
    if (name === 'dashtam_demo_provider_calls_total') sum.provider += count
    if (name !== 'dashtam_cache_reads_total' || BESIDE.test(labelOf(labels, 'namespace'))) continue
    if (labelOf(labels, 'result') === 'miss') sum.loaded += count
    else if (labelOf(labels, 'tier') === 'memory') sum.memory += count
    else if (labelOf(labels, 'tier') === 'shared') sum.shared += count
  }
  return sum
}

export function difference(after: Reading, before: Reading): Reading {
  const entries = Object.entries(after) as [keyof Reading, number][]
  return Object.fromEntries(entries.map(([name, value]) => [name, value - before[name]])) as unknown as Reading
}

/** Where an answer came from, as far as the counts tell. */
export function sourceOf({ provider, loaded, shared, memory, database }: Reading): string {
  if (provider > 0) return 'provider'
  if (loaded > 0) return 'database'
  if (shared > 0) return 'L2'
  if (memory > 0) return 'L1'
  return database > 0 ? 'database' : ''
}

function labelOf(labels: string, name: string): string {
  return new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1] ?? ''
}
