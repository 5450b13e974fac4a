import assert from 'node:assert/strict'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { unwrap } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import {
  assertAbsent,
  assertEntry,
  assertRemains,
  BRING_ABOUT,
  entryOf,
  type FencedSuite,
  filled,
  LONG,
  PAST_SHORT,
  SHORT,
  STATES,
  seen
} from './suite.ts'

export function readingTests(suite: FencedSuite): void {
  suite.test('read() finds nothing where nothing was', async ({ store, key }) => {
    assert.deepEqual(unwrap(await store.read(key('a'))), { kind: 'absent' })
    assert.deepEqual(unwrap(await store.read(key('a'), { lifetime: true })), { kind: 'absent' })
  })

  suite.test('read() tells how long an entry will live when it is asked to', async ({ store, key }) => {
    await filled(store, key('a'), entryOf('a', LONG))
    await filled(store, key('endless'), entryOf('a', Infinity))
    const [entry, endless] = [
      unwrap(await store.read(key('a'), { lifetime: true })),
      unwrap(await store.read(key('endless'), { lifetime: true }))
    ]
    assertRemains(entry, LONG)
    assert.equal(endless.kind === 'entry' && endless.remainingMs, Infinity)
  })

  suite.test('read() brings back every byte', async ({ store, key }) => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const large = new Uint8Array(1024 * 1024).fill(7)
    for (const [index, bytes] of [all, new Uint8Array(), large, all.subarray(10, 20)].entries()) {
      await filled(store, key(`${index}`), { id: randomId(), bytes, ttlMs: LONG })
      const slot = unwrap(await store.read(key(`${index}`)))
      if (slot.kind !== 'entry') assert.fail(`expected an entry, got ${slot.kind}`)
      assert.ok(slot.bytes instanceof Uint8Array)
      assert.ok(Buffer.from(bytes).equals(slot.bytes))
    }
  })

  suite.test('read() does not see what becomes of the bytes that were stored', async ({ store, key }) => {
    for (const bytes of [Uint8Array.of(1, 2, 3), Buffer.from([1, 2, 3])]) {
      await filled(store, key(bytes.constructor.name), { id: randomId(), bytes, ttlMs: LONG })
      bytes.fill(9)
      const slot = unwrap(await store.read(key(bytes.constructor.name)))
      assert.deepEqual(slot.kind === 'entry' && [...slot.bytes], [1, 2, 3])
    }
  })

  suite.test('read() keeps hostile keys apart', async ({ store, key }) => {
    const entries = new Map(HOSTILE_KEY_NAMES.map((name, index) => [key(name), entryOf(`${index}`)] as const))
    await Promise.all(Array.from(entries, ([each, entry]) => filled(store, each, entry)))
    for (const [each, entry] of entries) await assertEntry(store, each, entry)
  })

  suite.test('read() finds nothing once the lifetime of an entry is over', async ({ store, key, advance }) => {
    await filled(store, key('a'), entryOf('a', SHORT))
    await advance(PAST_SHORT)
    await assertAbsent(store, key('a'))
  })

  suite.test('read() sees what another store has done', async ({ store, key, another }) => {
    const other = await another()
    const entry = await filled(other, key('a'), entryOf('a'))
    await assertEntry(store, key('a'), entry)
    unwrap(await store.invalidate([key('a')]))
    await assertAbsent(other, key('a'))
  })

  suite.test('read() changes nothing', async ({ store, key }) => {
    for (const state of STATES) {
      await BRING_ABOUT[state](store, key(state))
      assert.deepEqual(await seen(store, key(state)), await seen(store, key(state)))
    }
  })

  suite.test('readMany() answers in the order of the keys, with lifetimes', async ({ store, key }) => {
    for (const state of STATES) await BRING_ABOUT[state](store, key(state))
    const names = ['closed', 'absent', 'entry', 'lease', 'entry', 'never']
    const many = unwrap(await store.readMany(names.map(key)))
    assert.deepEqual(
      many.map(({ kind }) => kind),
      ['closed', 'absent', 'entry', 'lease', 'entry', 'absent']
    )
    for (const slot of many) if (slot.kind !== 'absent') assertRemains(slot, LONG)
    for (const [index, name] of names.entries()) {
      const one = unwrap(await store.read(key(name)))
      const { remainingMs: _, ...many_ } = { remainingMs: 0, ...many[index] }
      const { remainingMs: __, ...one_ } = { remainingMs: 0, ...one }
      assert.deepEqual({ ...many_, bytes: bytesOf(many_) }, { ...one_, bytes: bytesOf(one_) })
    }
  })

  suite.test('readMany() of nothing is nothing', async ({ store }) => {
    assert.deepEqual(unwrap(await store.readMany([])), [])
  })

  suite.test('readMany() reads a thousand slots', async ({ store, key }) => {
    const entries = Array.from({ length: 1_000 }, (_, index) => [key(`${index}`), entryOf(`${index}`)] as const)
    await Promise.all(entries.map(([each, entry]) => filled(store, each, entry)))
    const many = unwrap(await store.readMany(entries.map(([each]) => each)))
    assert.deepEqual(
      many.map(slot => slot.kind === 'entry' && slot.id),
      entries.map(([, { id }]) => id)
    )
  })

  suite.test('identify() tells what read() does, without the bytes', async ({ store, key }) => {
    for (const state of STATES) {
      await BRING_ABOUT[state](store, key(state))
      const stamp = unwrap(await store.identify(key(state)))
      const slot = unwrap(await store.read(key(state)))
      assert.equal(stamp.kind, state)
      assert.equal('id' in stamp && stamp.id, 'id' in slot && slot.id)
      assert.ok(!('bytes' in stamp))
      if (stamp.kind !== 'absent') assertRemains(stamp, LONG)
    }
    await filled(store, key('endless'), entryOf('a', Infinity))
    const endless = unwrap(await store.identify(key('endless')))
    assert.equal('remainingMs' in endless && endless.remainingMs, Infinity)
  })
}

function bytesOf(slot: object): readonly number[] {
  return 'bytes' in slot && slot.bytes instanceof Uint8Array ? [...slot.bytes] : []
}
