import assert from 'node:assert/strict'
import { type FencedStore, ok } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { unwrap } from '../assertions.ts'
import { HOSTILE_KEY_NAMES } from '../hostile.ts'
import {
  assertEntry,
  assertMoves,
  entryOf,
  type FencedSuite,
  filled,
  generationOf,
  LONG,
  PAST_SHORT,
  SHORT
} from './suite.ts'

const NAMES = ['a', 'b', 'c']

export function generationTests(suite: FencedSuite): void {
  readTests(suite)
  bumpTests(suite)
  writeTests(suite)
  bumpOnceTests(suite)
}

function readTests(suite: FencedSuite): void {
  suite.test('readGenerations() makes what is not there, and keeps it', async ({ store, another }) => {
    const first = unwrap(await store.readGenerations(NAMES))
    assert.equal(new Set(first.map(({ id }) => id)).size, NAMES.length, 'each has an id of its own')
    assert.ok(first.every(({ isPending }) => isPending === false))
    assert.deepEqual(unwrap(await store.readGenerations(NAMES)), first)
    assert.deepEqual(unwrap(await (await another()).readGenerations(NAMES.toReversed())), first.toReversed())
  })

  suite.test('readGenerations() answers every name, repeated ones too', async ({ store }) => {
    const [a, b, again] = unwrap(await store.readGenerations(['a', 'b', 'a']))
    assert.deepEqual(again, a)
    assert.notDeepEqual(b, a)
    assert.deepEqual(unwrap(await store.readGenerations([])), [])
  })

  suite.test('readGenerations() keeps hostile names apart', async ({ store }) => {
    const generations = unwrap(await store.readGenerations(HOSTILE_KEY_NAMES))
    assert.equal(new Set(generations.map(({ id }) => id)).size, HOSTILE_KEY_NAMES.length)
    assert.deepEqual(unwrap(await store.readGenerations(HOSTILE_KEY_NAMES)), generations)
  })

  suite.test('readGenerations() by 50 readers of two stores makes one', async ({ store, another }) => {
    const other = await another()
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? store : other).readGenerations(['a']))
    )
    assert.equal(new Set(results.map(result => unwrap(result)[0]?.id)).size, 1)
  })
}

function bumpTests(suite: FencedSuite): void {
  suite.test('bumpGenerations() changes each of them, and no others', async ({ store }) => {
    const before = unwrap(await store.readGenerations([...NAMES, 'other']))
    assert.deepEqual(await store.bumpGenerations(NAMES), ok(undefined))
    const after = unwrap(await store.readGenerations([...NAMES, 'other']))
    const moved = after.filter(({ id }, index) => id !== before[index]?.id)
    assert.deepEqual(moved, after.slice(0, NAMES.length))
    assert.equal(new Set(moved.map(({ id }) => id)).size, NAMES.length)
  })

  suite.test('bumpGenerations() may come before anybody has read', async ({ store }) => {
    assert.deepEqual(await store.bumpGenerations(['a', 'a']), ok(undefined))
    assert.equal((await generationOf(store, 'a')).isPending, false)
    assert.deepEqual(await store.bumpGenerations([]), ok(undefined))
  })

  suite.test('bumpGenerations() leaves a pending generation pending', async ({ store }) => {
    const token = randomId()
    unwrap(await store.beginGenerationWrite(['a'], token, LONG))
    const bumped = await assertMoves(store, 'a', () => store.bumpGenerations(['a']))
    assert.equal(bumped.isPending, true)
    unwrap(await store.endGenerationWrite(['a'], token))
    assert.equal((await generationOf(store, 'a')).isPending, false)
  })

  suite.test('bumpGenerations() touches no slot', async ({ store, key }) => {
    const entry = await filled(store, key('a'), entryOf('a'))
    unwrap(await store.readGenerations(['a', key('a')]))
    unwrap(await store.bumpGenerations(['a', key('a')]))
    await assertEntry(store, key('a'), entry)
    const before = await generationOf(store, 'a')
    unwrap(await store.invalidate([key('a')]))
    assert.deepEqual(await generationOf(store, 'a'), before)
  })
}

function writeTests(suite: FencedSuite): void {
  suite.test('beginGenerationWrite() makes each generation pending, until the last of its ends', async ({ store }) => {
    const [first, second] = [randomId(), randomId()]
    await generationOf(store, 'a')
    const steps: readonly (readonly [isPending: boolean, step: () => Promise<unknown>])[] = [
      [true, () => store.beginGenerationWrite(['a', 'b'], first, LONG)],
      [true, () => store.beginGenerationWrite(['a'], second, LONG)],
      [true, () => store.endGenerationWrite(['a', 'b'], first)],
      [false, () => store.endGenerationWrite(['a'], second)]
    ]
    const ids = new Set([(await generationOf(store, 'a')).id])
    for (const [isPending, step] of steps) {
      const after = await assertMoves(store, 'a', step)
      assert.equal(after.isPending, isPending)
      ids.add(after.id)
    }
    assert.equal(ids.size, steps.length + 1, 'no id comes twice')
    assert.equal((await generationOf(store, 'b')).isPending, false)
  })

  suite.test('beginGenerationWrite() lasts for its duration, then the id is another', async ({ store, advance }) => {
    unwrap(await store.beginGenerationWrite(['a'], randomId(), SHORT))
    const after = await assertMoves(store, 'a', () => advance(PAST_SHORT))
    assert.equal(after.isPending, false)
    assert.deepEqual(await generationOf(store, 'a'), after, 'and stays')
  })

  suite.test('beginGenerationWrite() lasts as long as the last of its writers', async ({ store, advance }) => {
    for (const duration of [SHORT, LONG]) unwrap(await store.beginGenerationWrite(['longer'], randomId(), duration))
    for (const duration of [LONG, SHORT]) unwrap(await store.beginGenerationWrite(['shorter'], randomId(), duration))
    await advance(PAST_SHORT)
    const generations = unwrap(await store.readGenerations(['longer', 'shorter']))
    assert.ok(generations.every(({ isPending }) => isPending))
  })

  suite.test('beginGenerationWrite() twice with one token is one write', async ({ store }) => {
    const token = randomId()
    for (let time = 0; time < 2; time++) unwrap(await store.beginGenerationWrite(['a'], token, LONG))
    unwrap(await store.endGenerationWrite(['a'], token))
    assert.equal((await generationOf(store, 'a')).isPending, false)
  })

  suite.test('renewGenerationWrite() lets the write go on, and leaves the id', async ({ store, advance }) => {
    const token = randomId()
    unwrap(await store.beginGenerationWrite(NAMES, token, SHORT))
    const before = unwrap(await store.readGenerations(NAMES))
    assert.deepEqual(await store.renewGenerationWrite(NAMES, token, LONG), ok(true))
    await advance(PAST_SHORT)
    assert.deepEqual(unwrap(await store.readGenerations(NAMES)), before)
  })

  suite.test('renewGenerationWrite() says when a generation has forgotten the write', async ({ store, advance }) => {
    const [token, other] = [randomId(), randomId()]
    assert.deepEqual(await store.renewGenerationWrite(['a'], token, LONG), ok(false), 'nobody has begun')
    await generationOf(store, 'a')
    assert.deepEqual(await store.renewGenerationWrite(['a'], token, LONG), ok(false), 'an ordinary generation')
    unwrap(await store.beginGenerationWrite(['a'], other, LONG))
    assert.deepEqual(await store.renewGenerationWrite(['a'], token, LONG), ok(false), "another's write")
    unwrap(await store.beginGenerationWrite(['a'], token, SHORT))
    unwrap(await store.beginGenerationWrite(['b'], token, LONG))
    await advance(PAST_SHORT)
    assert.deepEqual(await store.renewGenerationWrite(['b', 'a'], token, LONG), ok(false), 'one is over')
    assert.deepEqual(await store.renewGenerationWrite(['b'], token, LONG), ok(true))
  })

  suite.test('renewGenerationWrite() does not bring back a write that is over', async ({ store, advance }) => {
    const token = randomId()
    unwrap(await store.beginGenerationWrite(['a'], token, SHORT))
    await advance(PAST_SHORT)
    assert.deepEqual(await store.renewGenerationWrite(['a'], token, LONG), ok(false))
    assert.equal((await generationOf(store, 'a')).isPending, false)
  })

  suite.test('endGenerationWrite() of the last write makes an ordinary generation of it', async ({ store }) => {
    const token = randomId()
    unwrap(await store.beginGenerationWrite(NAMES, token, LONG))
    for (const name of NAMES) {
      const after = await assertMoves(store, name, () => store.endGenerationWrite([name], token))
      assert.equal(after.isPending, false)
      assert.deepEqual(await generationOf(store, name), after, 'and it stays')
    }
  })

  suite.test('endGenerationWrite() changes a generation that has forgotten the write', async ({ store }) => {
    const after = await assertMoves(store, 'a', () => store.endGenerationWrite(['a'], randomId()))
    assert.equal(after.isPending, false)
    unwrap(await store.beginGenerationWrite(['a'], randomId(), LONG))
    const pending = await assertMoves(store, 'a', () => store.endGenerationWrite(['a'], randomId()))
    assert.equal(pending.isPending, true, 'another goes on')
    assert.deepEqual(await store.endGenerationWrite(['never'], randomId()), ok(undefined))
  })
}

function bumpOnceTests(suite: FencedSuite): void {
  suite.test('bumpOnce() changes a generation once for each occasion', async ({ store, another }) => {
    const other = await another()
    await assertMoves(store, 'a', async () => assert.deepEqual(await store.bumpOnce('a', 'first'), ok(true)))
    await assertStays(store, 'a', async () => assert.deepEqual(await other.bumpOnce('a', 'first'), ok(false)))
    await assertMoves(store, 'a', async () => assert.deepEqual(await other.bumpOnce('a', 'second'), ok(true)))
    await assertStays(store, 'a', async () => assert.deepEqual(await store.bumpOnce('a', 'first'), ok(false)))
    await assertMoves(store, 'b', async () => assert.deepEqual(await store.bumpOnce('b', 'first'), ok(true)))
  })

  suite.test('bumpOnce() by 50 callers of two stores changes it once', async ({ store, another }) => {
    const other = await another()
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? store : other).bumpOnce('a', 'occasion'))
    )
    assert.equal(results.filter(result => unwrap(result)).length, 1)
  })

  suite.test('bumpOnce() that continues an occasion on record only puts it on record', async ({ store }) => {
    unwrap(await store.bumpOnce('a', 'first'))
    await assertStays(store, 'a', async () =>
      assert.deepEqual(await store.bumpOnce('a', 'second', { continues: 'first' }), ok(false))
    )
    await assertStays(store, 'a', async () => assert.deepEqual(await store.bumpOnce('a', 'second'), ok(false)))
    await assertStays(store, 'a', async () =>
      assert.deepEqual(await store.bumpOnce('a', 'third', { continues: 'second' }), ok(false))
    )
  })

  suite.test('bumpOnce() that continues what is not on record changes it', async ({ store }) => {
    assert.deepEqual(await store.bumpOnce('never', 'second', { continues: 'first' }), ok(true))
    await generationOf(store, 'a')
    await assertMoves(store, 'a', async () =>
      assert.deepEqual(await store.bumpOnce('a', 'second', { continues: 'first' }), ok(true))
    )
    await assertStays(store, 'a', async () => assert.deepEqual(await store.bumpOnce('a', 'second'), ok(false)))
  })

  suite.test('bumpOnce() remembers 64 occasions, whatever else happens', async ({ store }) => {
    const token = randomId()
    for (let index = 0; index < 64; index++) unwrap(await store.bumpOnce('a', `${index}`))
    unwrap(await store.bumpGenerations(['a']))
    unwrap(await store.beginGenerationWrite(['a'], token, LONG))
    unwrap(await store.renewGenerationWrite(['a'], token, LONG))
    unwrap(await store.endGenerationWrite(['a'], token))
    assert.deepEqual(await store.bumpOnce('a', '0'), ok(false))
    assert.deepEqual(await store.bumpOnce('a', '63'), ok(false))
  })

  suite.test('bumpOnce() remembers across a write whose deadline has passed', async ({ store, advance }) => {
    unwrap(await store.bumpOnce('a', 'first'))
    unwrap(await store.beginGenerationWrite(['a'], randomId(), SHORT))
    await advance(PAST_SHORT)
    await generationOf(store, 'a')
    assert.deepEqual(await store.bumpOnce('a', 'first'), ok(false))
  })

  suite.test('bumpOnce() leaves a pending generation pending', async ({ store }) => {
    unwrap(await store.beginGenerationWrite(['a'], randomId(), LONG))
    const after = await assertMoves(store, 'a', () => store.bumpOnce('a', 'occasion'))
    assert.equal(after.isPending, true)
    unwrap(await store.bumpOnce('a', 'next', { continues: 'occasion' }))
    assert.deepEqual(await generationOf(store, 'a'), after)
  })
}

async function assertStays(store: FencedStore, name: string, change: () => Promise<unknown>): Promise<void> {
  const before = await generationOf(store, name)
  await change()
  assert.deepEqual(await generationOf(store, name), before)
}
