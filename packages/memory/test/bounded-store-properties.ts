import assert from 'node:assert/strict'
import { BoundedStore, type RemovalReason } from '@dashtam/cache-memory'
import fc from 'fast-check'
import t from 'tap'

const RUNS = 300
const MAX_ENTRY_BYTES = 30

interface Value {
  readonly id: number
  readonly bytes: number
}

/** A store, and what it must hold: whatever was set and not deleted, replaced, or told of by `onRemove`. */
class CheckedStore {
  readonly #held = new Map<string, Value & { expiresAtMs: number }>()
  readonly #store: BoundedStore<Value>
  readonly #maxEntries: number
  readonly #maxBytes: number
  #nowMs = 0
  #sets = 0

  constructor(maxEntries: number, maxBytes: number, seed: number) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
    this.#store = new BoundedStore<Value>({
      maxEntries,
      maxBytes,
      maxEntryBytes: MAX_ENTRY_BYTES,
      weigh: value => value.bytes,
      clock: () => this.#nowMs,
      seed,
      onRemove: (...removal) => this.#removed(...removal)
    })
  }

  set(key: string, bytes: number, ttlMs: number): void {
    const value = { id: ++this.#sets, bytes }
    const isStored = this.#store.set(key, value, ttlMs)
    assert.equal(isStored, bytes <= MAX_ENTRY_BYTES)
    this.#held.delete(key)
    if (isStored) this.#held.set(key, { ...value, expiresAtMs: this.#nowMs + ttlMs })
    this.read('peek', key)
  }

  read(kind: 'get' | 'peek', key: string): void {
    const held = this.#live(key)
    assert.equal(this.#store[kind](key)?.id, held?.id)
    assert.equal(this.#store.remainingMs(key), held && held.expiresAtMs - this.#nowMs)
  }

  delete(key: string): void {
    const isLive = this.#live(key) !== undefined
    assert.equal(this.#store.delete(key), isLive)
    this.#held.delete(key)
  }

  expire(key: string, ttlMs: number): void {
    const held = this.#live(key)
    assert.equal(this.#store.expire(key, ttlMs), held !== undefined)
    if (held !== undefined) held.expiresAtMs = this.#nowMs + ttlMs
  }

  wait(forMs: number): void {
    this.#nowMs += forMs
  }

  clear(): void {
    this.#store.clear()
    this.#held.clear()
  }

  checkTotals(): void {
    const { entries, bytes } = this.#store.stats()
    assert.equal(entries, this.#held.size)
    assert.equal(
      bytes,
      [...this.#held.values()].reduce((sum, held) => sum + held.bytes, 0)
    )
    assert.ok(entries <= this.#maxEntries && bytes <= this.#maxBytes)
  }

  checkKeys(): void {
    const live = [...this.#held.keys()].filter(key => this.#live(key) !== undefined)
    assert.deepEqual(this.#store.keys().sort(), live.sort())
    this.checkTotals()
  }

  #live(key: string) {
    const held = this.#held.get(key)
    return held !== undefined && this.#nowMs < held.expiresAtMs ? held : undefined
  }

  #removed(key: string, value: Value, reason: RemovalReason): void {
    const held = this.#held.get(key)
    assert.equal(held?.id, value.id, 'what is removed was there, and not the value that is being set')
    assert.equal(reason, this.#live(key) === undefined ? 'expired' : 'evicted')
    this.#held.delete(key)
  }
}

const key = fc.nat({ max: 150 }).map(number => `k${number}`)
const bytes = fc.integer({ min: 1, max: MAX_ENTRY_BYTES + 3 })
const ttlMs = fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 40 }))
const step = fc.oneof(
  action(60, fc.tuple(key, bytes, ttlMs), (store, args) => store.set(...args)),
  action(60, key, (store, key) => store.read('get', key)),
  action(10, key, (store, key) => store.read('peek', key)),
  action(8, key, (store, key) => store.delete(key)),
  action(8, fc.tuple(key, ttlMs), (store, args) => store.expire(...args)),
  action(15, fc.integer({ min: 1, max: 20 }), (store, forMs) => store.wait(forMs)),
  action(1, fc.constant(undefined), store => store.clear())
)
const scenario = fc.record({
  maxEntries: fc.integer({ min: 1, max: 60 }),
  maxBytes: fc.integer({ min: MAX_ENTRY_BYTES, max: 1_000 }),
  seed: fc.integer(),
  steps: fc.array(step, { maxLength: 600, size: 'max' })
})

t.test('BoundedStore agrees with a Map that is told of removals, and never exceeds its bounds', async t => {
  fc.assert(
    fc.property(scenario, ({ maxEntries, maxBytes, seed, steps }) => {
      const store = new CheckedStore(maxEntries, maxBytes, seed)
      for (const run of steps) {
        run(store)
        store.checkTotals()
      }
      store.checkKeys()
    }),
    { numRuns: RUNS }
  )
  t.pass()
})

function action<A>(weight: number, argument: fc.Arbitrary<A>, run: (store: CheckedStore, argument: A) => void) {
  return { weight, arbitrary: argument.map(argument => (store: CheckedStore) => run(store, argument)) }
}
