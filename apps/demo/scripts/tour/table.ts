import type { Row } from './tour.ts'

const HEAD = ['step', 'cold ms', 'warm ms', 'read cold', 'read warm', 'source', 'queries', 'calls', 'saved']

/** What the tour has seen, for a person. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ step, cold, warm }) => {
    if (warm === undefined)
      return [
        step,
        ms(cold.ms),
        '',
        read(cold.readMs),
        '',
        cold.source,
        String(cold.database),
        String(cold.provider),
        ''
      ]
    const saved = [
      `${cold.database * warm.count - warm.database} queries`,
      ...(cold.provider > 0 ? [`${cold.provider * warm.count - warm.provider} calls`] : [])
    ]
    return [
      step,
      ms(cold.ms),
      ms(warm.ms),
      read(cold.readMs),
      read(warm.readMs),
      `${cold.source} -> ${warm.source}`,
      `${cold.database} -> ${warm.database}`,
      `${cold.provider} -> ${warm.provider}`,
      `${saved.join(', ')} in ${warm.count}`
    ]
  })
  const widths = HEAD.map((name, column) => Math.max(name.length, ...lines.map(line => line[column]?.length ?? 0)))
  const print = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [print(HEAD), print(widths.map(width => '-'.repeat(width))), ...lines.map(print)].join('\n')
}

function ms(value: number): string {
  return value.toFixed(1)
}

function read(value: number | undefined): string {
  return value?.toFixed(3) ?? ''
}
