import type { Options } from 'tsup'

/** What every package builds: ESM with declarations, sources mapped. CommonJS users load it with `require(esm)`. */
export const base = {
  format: 'esm',
  platform: 'node',
  target: 'node22',
  dts: true,
  clean: true,
  sourcemap: true,
  treeshake: true,
  splitting: true
} satisfies Options
