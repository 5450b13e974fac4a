import assert from 'node:assert/strict'
import type { FencedStore, Generation, Slot, SlotEntry } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { unwrap } from '../assertions.ts'
import { type Advance, checkOptions, type RegisterTest, wait } from '../runner.ts'

/** A store under test. */
export interface FencedStoreHandle {
  readonly store: FencedStore
  /** Removes what was stored and closes what was opened. Called once, also after a test that failed. */
  readonly close?: () => Promise<unknown>
}

/** The backend seen past the store. */
export interface ForeignSlots {
  /** Writes bytes that no store would write where the store keeps the slot of `key`. */
  setSlot(key: string, bytes: Uint8Array): Promise<void>
}

export interface FencedStoreConformanceOptions {
  /** The runner's own: `test` of node:test or vitest, or `(title, run) => t.test(title, run)` of tap. */
  readonly test: RegisterTest
  /**
   * Makes a store. A second one that is made for the same keyspace, while the first is open, has the same backend. It
   * holds 2,000 slots at least, and entries of 1 MiB.
   */
  readonly create: (options: { readonly keyspace: string }) => FencedStoreHandle | Promise<FencedStoreHandle>
  /** Lets time pass. Default: really waits; a store with an injected clock moves that instead. */
  readonly advance?: Advance
  /** Needed to prove what becomes of bytes that no store has written. Without it those tests are left out. */
  readonly foreign?: ForeignSlots
}

/** What a test works with. */
interface FencedSubject {
  readonly store: FencedStore
  readonly keyspace: string
  /** A key inside the keyspace. */
  key(name: string): string
  /** Another store on the same backend. */
  another(): Promise<FencedStore>
  advance: Advance
}

export interface FencedSuite {
  /** Registers a test that gets a fresh store. */
  test(title: string, run: (subject: FencedSubject) => Promise<void>): void
  readonly foreign: ForeignSlots | undefined
}

/** A duration that no test lives to see the end of, in milliseconds. */
export const LONG = 60_000
/** A duration that a busy machine lives to use, and that is over after {@link PAST_SHORT}. */
export const SHORT = 200
export const PAST_SHORT = 260

/** @throws TypeError when an option is unknown, or not a function where one is needed. */
export function createFencedSuite(options: FencedStoreConformanceOptions): FencedSuite {
  const { test, create, advance = wait, foreign, ...unknown } = options
  checkOptions({ test, create, advance }, unknown)
  return {
    foreign,
    test(title, run) {
      test(title, async () => {
        const keyspace = `conformance-${crypto.randomUUID()}`
        const opened: FencedStoreHandle[] = []
        const open = async () => {
          const handle = await create({ keyspace })
          opened.push(handle)
          return handle.store
        }
        try {
          await run({ store: await open(), keyspace, key: name => `${keyspace}:${name}`, another: open, advance })
        } finally {
          for (const { close } of opened) await close?.()
        }
      })
    }
  }
}

/** An entry whose bytes are `text`. */
export function entryOf(text: string, ttlMs = LONG): SlotEntry {
  return { id: randomId(), bytes: new TextEncoder().encode(text), ttlMs }
}

/** The states of a slot, each with what brings it about in an absent one. */
export const BRING_ABOUT = {
  absent: async () => {},
  entry: async (store: FencedStore, key: string) => void (await filled(store, key, entryOf('before'))),
  lease: async (store: FencedStore, key: string) => void unwrap(await store.acquire(key, randomId(), LONG)),
  closed: async (store: FencedStore, key: string) => unwrap(await store.beginWrite(key, randomId(), LONG))
} satisfies Record<Slot['kind'], (store: FencedStore, key: string) => Promise<void>>

export const STATES = Object.keys(BRING_ABOUT) as readonly Slot['kind'][]

/** Brings an entry into an absent slot. */
export async function filled(store: FencedStore, key: string, entry: SlotEntry): Promise<SlotEntry> {
  const token = randomId()
  assert.equal(unwrap(await store.acquire(key, token, LONG)).kind, 'lease')
  assert.equal(unwrap(await store.fill(key, token, entry)), true, 'a fill under a live lease is accepted')
  return entry
}

/** What a reader sees, without the time that passes: to be compared. */
export async function seen(store: FencedStore, key: string): Promise<object> {
  const slot = unwrap(await store.read(key))
  if (slot.kind === 'absent') return { kind: slot.kind }
  if (slot.kind !== 'entry') return { kind: slot.kind, id: slot.id }
  return { kind: slot.kind, id: slot.id, text: new TextDecoder().decode(slot.bytes) }
}

/** Asserts that the slot holds this entry. */
export async function assertEntry(store: FencedStore, key: string, { id, bytes }: SlotEntry): Promise<void> {
  assert.deepEqual(await seen(store, key), { kind: 'entry', id, text: new TextDecoder().decode(bytes) })
}

export async function assertAbsent(store: FencedStore, key: string): Promise<void> {
  assert.deepEqual(await seen(store, key), { kind: 'absent' })
}

/** Asserts that the slot is closed, and hands out its id. */
export async function assertClosed(store: FencedStore, key: string): Promise<string> {
  const slot = unwrap(await store.read(key))
  if (slot.kind !== 'closed') assert.fail(`expected a closed slot, got ${slot.kind}`)
  assert.match(slot.id, /^[A-Za-z0-9_-]{22}$/)
  return slot.id
}

/** Asserts that `remainingMs` was `durationMs` just now, or two seconds ago on a machine that is busy. */
export function assertRemains(slot: Slot | object, durationMs: number): void {
  const remainingMs = 'remainingMs' in slot ? Number(slot.remainingMs) : Number.NaN
  assert.ok(remainingMs <= durationMs && remainingMs > durationMs - 2_000, `some ${durationMs} ms, got ${remainingMs}`)
}

/** Reads one generation. */
export async function generationOf(store: FencedStore, name: string): Promise<Generation> {
  const [generation] = unwrap(await store.readGenerations([name]))
  if (generation === undefined) assert.fail('expected an answer for each name')
  assert.match(generation.id, /^[A-Za-z0-9_-]{22}$/)
  return generation
}

/** Asserts that `change` gives the generation an id that it has not had before. */
export async function assertMoves(store: FencedStore, name: string, change: () => Promise<unknown>) {
  const before = await generationOf(store, name)
  await change()
  const after = await generationOf(store, name)
  assert.notEqual(after.id, before.id, 'the generation has changed')
  return after
}
