import { setTimeout as sleep } from 'node:timers/promises'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'

const share = (description: string) =>
  Type.Number({ minimum: 0, maximum: 1, description: `${description}, from 0 to 1` })

const FAULTS = Type.Object(
  {
    latencyMs: Type.Integer({
      minimum: 0,
      maximum: 60_000,
      description: 'Added to each answer of the API and of the token endpoint, from 0 to 60000.'
    }),
    errorShare: share('The share of the API’s answers that are 500'),
    rubbishShare: share('The share of the API’s answers that are 200 and make no sense'),
    tokenErrorShare: share('The share of the token endpoint’s answers that are 500'),
    rateLimitPerMinute: Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      description:
        'How many requests to the API a customer has in a minute, from 0 to 1000000; 0 is as many as he likes.'
    })
  },
  { additionalProperties: false }
)

/** A change of them. */
export const SOME_FAULTS = Type.Partial(FAULTS, { additionalProperties: false })

/** What is wrong with the brokerage, on demand. */
export type Faults = Readonly<Static<typeof FAULTS>>

const NO_FAULTS: Faults = {
  latencyMs: 0,
  errorShare: 0,
  rubbishShare: 0,
  tokenErrorShare: 0,
  rateLimitPerMinute: 0
}

/** Requests since the start. */
export interface Calls {
  readonly accounts: number
  readonly transactions: number
  /** To the token endpoint. */
  readonly tokens: number
}

const MINUTE_MS = 60_000

/** Several kinds of nonsense, in turn. */
const RUBBISH = [
  '<!doctype html><title>Maintenance</title>',
  '{"accounts":[{"id":"1"',
  '{"accounts":[42],"transactions":"none"}',
  '{"accounts":[{"id":"1","name":"A","type":"checking","currency":"USD","balance":12.5}],"transactions":[{"id":1}]}',
  ''
]

/** Decides what becomes of each request, and counts them. */
export class Trouble {
  readonly calls = { accounts: 0, transactions: 0, tokens: 0 }
  #faults: Faults
  #rubbish = 0
  /** By customer: when his minute began, and how many requests there were in it. */
  readonly #minutes = new Map<string, { beganMs: number; count: number }>()

  constructor(faults: Partial<Faults> = {}) {
    this.#faults = changed(NO_FAULTS, faults)
  }

  get faults(): Faults {
    return this.#faults
  }

  /** @throws TypeError naming what is out of its range. */
  change(faults: Partial<Faults>): void {
    this.#faults = changed(this.#faults, faults)
    this.#minutes.clear()
  }

  async delay(signal: AbortSignal): Promise<void> {
    const { latencyMs } = this.#faults
    if (latencyMs > 0) await sleep(latencyMs, undefined, { signal })
  }

  /** Whether the token endpoint fails this time. */
  failsToken(): boolean {
    return Math.random() < this.#faults.tokenErrorShare
  }

  /** What the API does this time. */
  next(): 'answers' | 'fails' | { readonly rubbish: string } {
    const { errorShare, rubbishShare } = this.#faults
    const chance = Math.random()
    if (chance < errorShare) return 'fails'
    if (chance < errorShare + rubbishShare) return { rubbish: RUBBISH[this.#rubbish++ % RUBBISH.length] ?? '' }
    return 'answers'
  }

  /** How long the customer has to wait, in seconds; `undefined` when he may go on. */
  waitSeconds(customer: string): number | undefined {
    const { rateLimitPerMinute } = this.#faults
    if (rateLimitPerMinute === 0) return undefined
    const nowMs = Date.now()
    const minute = this.#minutes.get(customer)
    if (minute === undefined || nowMs - minute.beganMs >= MINUTE_MS) {
      this.#minutes.set(customer, { beganMs: nowMs, count: 1 })
      return undefined
    }
    minute.count++
    if (minute.count <= rateLimitPerMinute) return undefined
    return Math.ceil((minute.beganMs + MINUTE_MS - nowMs) / 1_000)
  }
}

function changed(from: Faults, faults: Partial<Faults>): Faults {
  const [wrong] = Value.Errors(SOME_FAULTS, faults)
  if (wrong !== undefined) {
    const problem = wrong.keyword === 'boolean' ? 'is not known' : wrong.message
    throw new TypeError(`faults${wrong.instancePath.replace('/', '.')} ${problem}`)
  }
  const next = { ...from, ...faults }
  if (next.errorShare + next.rubbishShare > 1) {
    throw new TypeError('faults.errorShare and faults.rubbishShare must not be more than 1 together')
  }
  return next
}
