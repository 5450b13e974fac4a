import type { Families, FamilyDefinition } from './definition.ts'

const HEADER = ['Family', 'Template', 'Holds', 'TTL', 'Written by', 'Invalidated by']

/**
 * Renders families as a Markdown table, sorted as they are defined: an app generates the page about its own keys with
 * it. Reads definitions only, so it needs no prefix and no secret.
 */
export function renderFamilies(families: Families): string {
  const rows = Object.entries(families).map(([name, family]) =>
    renderRow(name, typeof family === 'string' ? { template: family } : family)
  )
  return [HEADER, HEADER.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |\n`).join('')
}

function renderRow(name: string, definition: FamilyDefinition): string[] {
  const { template, hashed = [], ttlSeconds, description = '', writtenBy = [], invalidatedBy = [] } = definition
  const note = hashed.length > 0 ? `, ${hashed.map(parameter => `\`${parameter}\``).join(' and ')} hashed` : ''
  return [
    `\`${name}\``,
    `\`${template}\`${note}`,
    escapeCell(description),
    describeLifetime(ttlSeconds),
    escapeCell(writtenBy.join(', ')),
    escapeCell(invalidatedBy.join(', '))
  ]
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60]
] as const

/** `300 s (5 min)`: the seconds as they are set, and the largest unit that divides them. */
function describeLifetime(ttlSeconds: number | undefined): string {
  if (ttlSeconds === undefined) return 'set per entry'
  if (ttlSeconds === Infinity) return 'never expires'
  const unit = UNITS.find(([, seconds]) => ttlSeconds % seconds === 0)
  return unit === undefined ? `${ttlSeconds} s` : `${ttlSeconds} s (${ttlSeconds / unit[1]} ${unit[0]})`
}

/** Keeps a text within its cell, and its `<` from being HTML. */
function escapeCell(text: string): string {
  return text.replaceAll(/[\\|<]/g, '\\$&').replaceAll(/\s+/g, ' ')
}
