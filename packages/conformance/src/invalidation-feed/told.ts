import assert from 'node:assert/strict'
import type { FencedStore } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { unwrap } from '../assertions.ts'
import { BRING_ABOUT, entryOf, filled, generationOf, LONG, STATES } from '../fenced-store/suite.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import { eventually, type FeedSuite, started } from './suite.ts'

type SlotChange = (store: FencedStore, key: string) => Promise<unknown>
type GenerationChange = (store: FencedStore, name: string) => Promise<unknown>

/** What is told whatever it finds. */
const ALWAYS: Readonly<Record<string, SlotChange>> = {
  invalidate: async (store, key) => unwrap(await store.invalidate([key])),
  'invalidate with a hold': async (store, key) => unwrap(await store.invalidate([key], { holdMs: LONG })),
  beginWrite: async (store, key) => unwrap(await store.beginWrite(key, randomId(), LONG)),
  endWrite: async (store, key) => unwrap(await store.endWrite(key, randomId())),
  'endWrite with a hold': async (store, key) => unwrap(await store.endWrite(key, randomId(), { holdMs: LONG })),
  'endWrite with an entry': async (store, key) =>
    unwrap(await store.endWrite(key, randomId(), { entry: entryOf('late') }))
}

/** What is told when it takes effect: what comes first, and the change. */
const EFFECTIVE: Readonly<Record<string, readonly [before: SlotChange, change: SlotChange]>> = {
  acquire: [async () => {}, async (store, key) => unwrap(await store.acquire(key, randomId(), LONG))],
  release: [
    async (store, key) => unwrap(await store.acquire(key, TOKEN, LONG)),
    async (store, key) => unwrap(await store.release(key, TOKEN))
  ],
  fill: [
    async (store, key) => unwrap(await store.acquire(key, TOKEN, LONG)),
    async (store, key) => unwrap(await store.fill(key, TOKEN, entryOf('a')))
  ],
  refresh: [
    async (store, key) => void (await filled(store, key, { ...entryOf('a'), id: TOKEN })),
    async (store, key) => unwrap(await store.refresh(key, TOKEN, entryOf('b')))
  ],
  'endWrite that stores': [
    async (store, key) => unwrap(await store.beginWrite(key, TOKEN, LONG)),
    async (store, key) => unwrap(await store.endWrite(key, TOKEN, { entry: entryOf('a') }))
  ],
  'endWrite of one of two': [
    async (store, key) => {
      unwrap(await store.beginWrite(key, TOKEN, LONG))
      unwrap(await store.beginWrite(key, randomId(), LONG))
    },
    async (store, key) => unwrap(await store.endWrite(key, TOKEN))
  ]
}

const TOKEN = randomId()

const GENERATION_CHANGES: Readonly<Record<string, GenerationChange>> = {
  bumpGenerations: async (store, name) => unwrap(await store.bumpGenerations([name])),
  beginGenerationWrite: async (store, name) => unwrap(await store.beginGenerationWrite([name], randomId(), LONG)),
  endGenerationWrite: async (store, name) => unwrap(await store.endGenerationWrite([name], randomId())),
  bumpOnce: async (store, name) => unwrap(await store.bumpOnce(name, randomId()))
}

const GENERATION_STATES: Readonly<Record<string, GenerationChange>> = {
  absent: async () => {},
  ordinary: generationOf,
  pending: async (store, name) => unwrap(await store.beginGenerationWrite([name], randomId(), LONG))
}

export function toldTests(suite: FeedSuite): void {
  slotTests(suite)
  generationTests(suite)
  silenceTests(suite)
  wideTests(suite)
}

function slotTests(suite: FeedSuite): void {
  for (const [what, change] of Object.entries(ALWAYS)) {
    suite.test(`slotChanged() is told of ${what}, whatever the slot holds`, async ({ store, feed, heard, key }) => {
      for (const state of STATES) {
        await BRING_ABOUT[state](store, key(state))
        assert.equal(await feed.barrier(key(state), []), true)
        heard.changes.length = 0
        await change(store, key(state))
        assert.equal(await feed.barrier(key(state), []), true)
        assert.ok(heard.changes.includes(`slot ${key(state)}`), `on a slot that is ${state}`)
      }
    })
  }

  for (const [what, [before, change]] of Object.entries(EFFECTIVE)) {
    suite.test(`slotChanged() is told of ${what}`, async ({ store, feed, heard, key }) => {
      await before(store, key('a'))
      assert.equal(await feed.barrier(key('a'), []), true)
      heard.changes.length = 0
      await change(store, key('a'))
      assert.equal(await feed.barrier(key('a'), []), true)
      assert.ok(heard.changes.includes(`slot ${key('a')}`))
    })
  }

  suite.test('slotChanged() is told without a barrier too, soon', async ({ store, heard, key }) => {
    unwrap(await store.invalidate([key('a')]))
    await eventually(() => heard.changes.includes(`slot ${key('a')}`), 'the invalidation is told')
  })

  suite.test('slotChanged() is told of what another store does', async ({ feed, heard, key, another }) => {
    const { store: other } = await another()
    for (const [what, change] of Object.entries(ALWAYS)) {
      await change(other, key(what))
      assert.equal(await feed.barrier(key(what), []), true)
      assert.ok(heard.changes.includes(`slot ${key(what)}`), what)
    }
  })
}

function generationTests(suite: FeedSuite): void {
  for (const [what, change] of Object.entries(GENERATION_CHANGES)) {
    suite.test(`generationChanged() is told of ${what}, whatever state it is in`, async subject => {
      const { store, feed, heard, key, another } = subject
      const { store: other } = await another()
      for (const [state, bringAbout] of Object.entries(GENERATION_STATES)) {
        for (const [who, by] of Object.entries({ itself: store, another: other })) {
          const name = `${state} ${who}`
          await bringAbout(store, name)
          assert.equal(await feed.barrier(key('a'), [name]), true)
          heard.changes.length = 0
          await change(by, name)
          assert.equal(await feed.barrier(key('a'), [name]), true)
          assert.ok(heard.changes.includes(`generation ${name}`), `on one that is ${state}, by ${who}`)
        }
      }
    })
  }
}

function silenceTests(suite: FeedSuite): void {
  suite.test('nobody is told of reads, claims and what was refused', async ({ store, feed, heard, key }) => {
    for (const state of STATES) await BRING_ABOUT[state](store, key(state))
    await generationOf(store, 'a')
    assert.equal(await feed.barrier(key('a'), ['a']), true)
    heard.changes.length = 0
    for (const state of STATES) {
      unwrap(await store.read(key(state), { lifetime: true }))
      unwrap(await store.readMany([key(state)]))
      unwrap(await store.identify(key(state)))
      if (state !== 'absent') unwrap(await store.acquire(key(state), randomId(), LONG))
      unwrap(await store.renew(key(state), randomId(), LONG))
      unwrap(await store.release(key(state), randomId()))
      unwrap(await store.fill(key(state), randomId(), entryOf('late')))
      unwrap(await store.refresh(key(state), randomId(), entryOf('late')))
      unwrap(await store.renewWrite(key(state), randomId(), LONG))
      unwrap(await store.claim(key(state), TOKEN, LONG))
      unwrap(await store.unclaim(key(state), TOKEN))
    }
    await generationOf(store, 'a')
    unwrap(await store.renewGenerationWrite(['a'], randomId(), LONG))
    for (const state of STATES) assert.equal(await feed.barrier(key(state), ['a']), true)
    assert.deepEqual(heard.changes, [])
  })

  suite.test('nobody is told of another keyspace', async ({ feed, heard, key, another, keyspace }) => {
    const { store: other } = await another(`${keyspace}x`)
    unwrap(await other.invalidate([`${keyspace}x:a`]))
    unwrap(await other.bumpGenerations(['a']))
    assert.equal(await feed.barrier(key('a'), ['a']), true)
    assert.deepEqual(heard.changes, [])
  })
}

function wideTests(suite: FeedSuite): void {
  suite.test('slotChanged() is told of hostile keys as they are', async ({ store, feed, heard, key }) => {
    const keys = HOSTILE_KEY_NAMES.map(key)
    unwrap(await store.invalidate(keys))
    await Promise.all(keys.map(each => feed.barrier(each, [])))
    const told = new Set(heard.changes)
    assert.deepEqual(told, new Set(keys.map(each => `slot ${each}`)))
  })

  suite.test('generationChanged() is told of hostile names as they are', async ({ store, feed, heard, key }) => {
    unwrap(await store.bumpGenerations(HOSTILE_KEY_NAMES))
    await Promise.all(HOSTILE_KEY_NAMES.map(name => feed.barrier(key('a'), [name])))
    assert.deepEqual(new Set(heard.changes), new Set(HOSTILE_KEY_NAMES.map(name => `generation ${name}`)))
  })

  suite.test('slotChanged() is told of each of 2,000 keys of one call', async ({ store, feed, heard, key }) => {
    const keys = Array.from({ length: 2_000 }, (_, index) => key(`${index}`))
    unwrap(await store.invalidate(keys))
    await Promise.all(keys.map(each => feed.barrier(each, [])))
    const told = new Set(heard.changes)
    assert.ok(keys.every(each => told.has(`slot ${each}`)))
  })

  suite.test('slotChanged() tells every feed of one store or of many', async ({ store, heard, key, feed, another }) => {
    const second = await another()
    const heardToo = await started(second.feed)
    unwrap(await store.invalidate([key('a')]))
    unwrap(await second.store.invalidate([key('b')]))
    for (const each of [feed, second.feed]) {
      for (const name of ['a', 'b']) assert.equal(await each.barrier(key(name), []), true)
    }
    for (const { changes } of [heard, heardToo]) {
      for (const name of ['a', 'b']) assert.ok(changes.includes(`slot ${key(name)}`))
    }
  })
}
