/**
 * A tour of a demo that runs: `pnpm tour [http://127.0.0.1:3000 …]`. With several addresses they are instances of one demo,
 * and what is done at the first is looked at from the last.
 */
import { tableOf } from './tour/table.ts'
import { takeTour } from './tour/tour.ts'

const given = process.argv.slice(2)
const addresses = (given.length > 0 ? given : ['http://127.0.0.1:3000']).map(address => address.replace(/\/$/, ''))

try {
  for (const address of addresses) {
    const health = await fetch(`${address}/health`).catch(() => undefined)
    if (health?.ok !== true) throw new Error(`There is no demo at ${address}: start it with npm start.`)
  }
  const rows = await takeTour({ addresses })
  console.log(tableOf(rows))
  console.log(`\n${rows.length} steps, all as they should be.`)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
