import { createHash } from 'node:crypto'

export interface Account {
  /** A UUID. */
  readonly id: string
  readonly name: string
  readonly type: 'checking' | 'savings' | 'credit_card' | 'brokerage' | 'retirement'
  /** ISO 4217 */
  readonly currency: string
  /** Decimal text with two places: the sum of all transactions. */
  readonly balance: string
}

interface Transaction {
  readonly id: string
  /** A day, ISO 8601. */
  readonly occurredOn: string
  readonly description: string
  /** Decimal text with two places. */
  readonly amount: string
}

interface Booking extends Omit<Transaction, 'amount'> {
  readonly cents: number
}

const PORTFOLIO = [
  ['Cash Management', 'checking', ['Deposit', 'Card purchase', 'Transfer']],
  ['Individual Brokerage', 'brokerage', ['Dividend', 'Contribution', 'Fund purchase']],
  ['Roth IRA', 'retirement', ['Contribution', 'Dividend', 'Rebalancing']],
  ['High-Yield Savings', 'savings', ['Interest', 'Transfer in', 'Transfer out']],
  ['Travel Card', 'credit_card', ['Hotel', 'Airline', 'Restaurant']],
  ['Education Fund', 'brokerage', ['Contribution', 'Fund purchase', 'Dividend']]
] as const

const LAST_DAY_MS = Date.UTC(2026, 5, 30)
const DAY_MS = 86_400_000
const PAGE_SIZE = 20

/** What a customer may be called. */
export const CUSTOMER = /^[a-z0-9][a-z0-9-]{0,39}$/

/** Every customer is there, with the same accounts each time; what is booked in addition is forgotten at the end. */
export class Customers {
  /** By account. */
  readonly #booked = new Map<string, Booking[]>()

  accounts(customer: string): Account[] {
    return accountsOf(customer).map(({ id, name, type }) => {
      const cents = this.#bookings(customer, id).reduce((sum, booking) => sum + booking.cents, 0)
      return { id, name, type, currency: 'USD', balance: money(cents) }
    })
  }

  /** The latest first; `undefined` when the customer has no such account. Pages beyond the last are empty. */
  transactions(customer: string, accountId: string, page: number) {
    if (!accountsOf(customer).some(({ id }) => id === accountId)) return undefined
    const all = this.#bookings(customer, accountId)
    const transactions = all.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE)
    return {
      transactions: transactions.map(({ cents, ...rest }): Transaction => ({ ...rest, amount: money(cents) })),
      page,
      pages: Math.ceil(all.length / PAGE_SIZE)
    }
  }

  /** Books something today; `false` when the customer has no such account. */
  book(customer: string, accountId: string, description: string, cents: number): boolean {
    if (!accountsOf(customer).some(({ id }) => id === accountId)) return false
    const booked = this.#booked.get(accountId) ?? []
    const id = uuid(`${accountId} booked ${booked.length}`)
    booked.unshift({ id, occurredOn: new Date().toISOString().slice(0, 10), description, cents })
    this.#booked.set(accountId, booked)
    return true
  }

  #bookings(customer: string, accountId: string): readonly Booking[] {
    return [...(this.#booked.get(accountId) ?? []), ...historyOf(customer, accountId)]
  }
}

function accountsOf(customer: string) {
  const count = 3 + (hash(customer).readUInt32BE() % 4)
  return PORTFOLIO.slice(0, count).map(([name, type, kinds], index) => {
    return { id: uuid(`${customer} account ${index}`), name, type, kinds }
  })
}

function historyOf(customer: string, accountId: string): Booking[] {
  const kinds = accountsOf(customer).find(({ id }) => id === accountId)?.kinds ?? ['Transfer']
  const count = 45 + (hash(accountId).readUInt32BE() % 86)
  return Array.from({ length: count }, (_, index) => {
    const noise = hash(`${accountId} transaction ${index}`)
    const isOpening = index === count - 1
    return {
      id: uuid(`${accountId} transaction ${index}`),
      occurredOn: new Date(LAST_DAY_MS - index * 3 * DAY_MS).toISOString().slice(0, 10),
      description: isOpening ? 'Opening balance' : (kinds[noise.readUInt8(4) % kinds.length] ?? ''),
      cents: isOpening ? 2_000_000 : (noise.readUInt32BE() % 30_000) - 12_000
    }
  })
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function uuid(text: string): string {
  const hex = hash(text).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-'
  )
}

function money(cents: number): string {
  const digits = String(Math.abs(cents)).padStart(3, '0')
  return `${cents < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
}
