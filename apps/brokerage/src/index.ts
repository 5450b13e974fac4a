export type { Calls, Faults } from './faults.ts'
export { type Brokerage, type BrokerageOptions, startBrokerage } from './start.ts'
