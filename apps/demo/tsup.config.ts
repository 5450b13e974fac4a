import { defineConfig } from 'tsup'
import { base } from '../../tsup.config.base.ts'

// Nobody imports the demo, so it has no declarations.
export default defineConfig({ ...base, entry: ['src/main.ts'], dts: false })
