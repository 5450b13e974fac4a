import assert from 'node:assert/strict'
import type { MemberIndex, Result } from '@dashtam/cache-protocol'
import { unwrap } from './assertions.ts'
import { BAD_TTLS, HOSTILE_KEY_NAMES } from './hostile.ts'
import { type Advance, checkOptions, type RegisterTest, wait } from './runner.ts'

/** An index under test. */
export interface MemberIndexHandle {
  readonly index: MemberIndex
  /** Removes what was stored and closes what was opened. Called once, also after a test that failed. */
  readonly close?: () => Promise<unknown>
}

/** The backend seen past the port, for an index that others can write to. */
export interface ForeignOwners {
  /** Puts there what is no owner, such as a string in Redis. */
  setOther(owner: string): Promise<void>
  /** Whether there is anything. */
  exists(owner: string): Promise<boolean>
}

export interface MemberIndexConformanceOptions {
  /** The runner's own: `test` of node:test or vitest, or `(title, run) => t.test(title, run)` of tap. */
  readonly test: RegisterTest
  /** Makes an index; what is made for the same keyspace, while the first is open, has the same backend. */
  readonly create: (options: { readonly keyspace: string }) => MemberIndexHandle | Promise<MemberIndexHandle>
  /** Lets time pass. Default: really waits; an index with an injected clock moves that instead. */
  readonly advance?: Advance
  /** Needed to prove what happens to data that others wrote, and that nothing stays. Without it those tests are left out. */
  readonly foreign?: ForeignOwners
}

/** What a test works with. */
interface Subject {
  readonly index: MemberIndex
  readonly keyspace: string
  /** An owner inside the keyspace. */
  key(name: string): string
  advance(milliseconds: number): Promise<void>
}

type Call = (index: MemberIndex, owner: string, member: string) => Promise<Result<unknown>>

const CALLS: Readonly<Record<string, Call>> = {
  add: (index, owner, member) => index.add(owner, member, 60),
  remove: (index, owner, member) => index.remove(owner, [member]),
  members: (index, owner) => index.members(owner),
  clear: (index, owner) => index.clear(owner)
}

const LONG_SECONDS = 60
const SHORT_SECONDS = 0.05
const PAST_SHORT_MS = 100

/**
 * Registers the tests that every `MemberIndex` passes. Each test makes its own in a random keyspace, so the suite may run
 * against a shared server.
 *
 * @throws TypeError when an option is unknown, or not a function where one is needed.
 */
export function memberIndexConformance({
  test: register,
  create,
  advance = wait,
  foreign,
  ...unknown
}: MemberIndexConformanceOptions): void {
  checkOptions({ test: register, create, advance }, unknown)
  const test = (title: string, run: (subject: Subject) => Promise<void>) =>
    register(title, async () => {
      const keyspace = `conformance-${crypto.randomUUID()}`
      const { index, close } = await create({ keyspace })
      try {
        await run({ index, keyspace, key: name => `${keyspace}:${name}`, advance })
      } finally {
        await close?.()
      }
    })

  test('add() adds members to their owner, and members() has them in the order of their ends', async ({
    index,
    key
  }) => {
    assert.deepEqual(unwrap(await index.members(key('a'))), [])
    unwrap(await index.add(key('a'), 'last', Infinity))
    unwrap(await index.add(key('a'), 'second', LONG_SECONDS))
    unwrap(await index.add(key('a'), 'first', LONG_SECONDS / 2))
    unwrap(await index.add(key('b'), 'other', LONG_SECONDS))
    assert.deepEqual(unwrap(await index.members(key('a'))), ['first', 'second', 'last'])
    assert.deepEqual(unwrap(await index.members(key('b'))), ['other'])
  })

  test('add() gives a member that is there another time', async ({ index, key, advance }) => {
    unwrap(await index.add(key('a'), 'longer', SHORT_SECONDS))
    unwrap(await index.add(key('a'), 'longer', LONG_SECONDS))
    unwrap(await index.add(key('a'), 'shorter', Infinity))
    unwrap(await index.add(key('a'), 'shorter', SHORT_SECONDS))
    await advance(PAST_SHORT_MS)
    assert.deepEqual(unwrap(await index.members(key('a'))), ['longer'])
  })

  test('members() has nobody whose time is over', async ({ index, key, advance }) => {
    unwrap(await index.add(key('a'), 'short', SHORT_SECONDS))
    unwrap(await index.add(key('a'), 'long', LONG_SECONDS))
    unwrap(await index.add(key('b'), 'short', SHORT_SECONDS))
    await advance(PAST_SHORT_MS)
    assert.deepEqual(unwrap(await index.members(key('a'))), ['long'])
    assert.deepEqual(unwrap(await index.members(key('b'))), [])
    if (foreign !== undefined) assert.equal(await foreign.exists(key('b')), false, 'an owner without members is gone')
  })

  test('remove() counts those that were there', async ({ index, key, advance }) => {
    for (const member of ['one', 'two', 'three']) unwrap(await index.add(key('a'), member, LONG_SECONDS))
    unwrap(await index.add(key('a'), 'short', SHORT_SECONDS))
    await advance(PAST_SHORT_MS)
    assert.equal(unwrap(await index.remove(key('a'), ['one', 'two', 'one', 'none', 'short'])), 2)
    assert.deepEqual(unwrap(await index.members(key('a'))), ['three'])
    assert.equal(unwrap(await index.remove(key('a'), [])), 0)
    assert.equal(unwrap(await index.remove(key('a'), ['three'])), 1)
    assert.equal(unwrap(await index.remove(key('none'), ['three'])), 0)
    if (foreign !== undefined) assert.equal(await foreign.exists(key('a')), false, 'an owner without members is gone')
  })

  test('remove() leaves an owner that ends with the last of its members', async ({ index, key, advance }) => {
    unwrap(await index.add(key('a'), 'for ever', Infinity))
    unwrap(await index.add(key('a'), 'short', SHORT_SECONDS))
    assert.equal(unwrap(await index.remove(key('a'), ['for ever'])), 1)
    await advance(PAST_SHORT_MS)
    if (foreign !== undefined) assert.equal(await foreign.exists(key('a')), false)
    assert.deepEqual(unwrap(await index.members(key('a'))), [])
  })

  test('remove() removes as many as there are', async ({ index, key }) => {
    const all = Array.from({ length: 12_000 }, (_, number) => `member-${number}`)
    for (const member of all.slice(0, 50)) unwrap(await index.add(key('a'), member, LONG_SECONDS))
    assert.equal(unwrap(await index.remove(key('a'), all)), 50)
  })

  test('clear() removes all, and counts them', async ({ index, key, advance }) => {
    for (const member of ['one', 'two']) unwrap(await index.add(key('a'), member, Infinity))
    unwrap(await index.add(key('a'), 'short', SHORT_SECONDS))
    await advance(PAST_SHORT_MS)
    assert.equal(unwrap(await index.clear(key('a'))), 2)
    assert.deepEqual(unwrap(await index.members(key('a'))), [])
    assert.equal(unwrap(await index.clear(key('a'))), 0)
  })

  test('add() loses no member of those that come at the same time', async ({ index, key }) => {
    const members = Array.from({ length: 100 }, (_, number) => `member-${number}`)
    for (const added of await Promise.all(members.map(member => index.add(key('a'), member, LONG_SECONDS))))
      unwrap(added)
    assert.deepEqual([...unwrap(await index.members(key('a')))].sort(), members.sort())
  })

  test('add() knows every owner and every member from every other', async ({ index, key }) => {
    const names = HOSTILE_KEY_NAMES.filter(name => !name.startsWith('~') && name.length < 1_024)
    for (const name of names) for (const member of [name, `${name}2`]) unwrap(await index.add(key(name), member, 60))
    for (const name of names) {
      assert.deepEqual([...unwrap(await index.members(key(name)))].sort(), [name, `${name}2`].sort())
    }
  })

  for (const [name, call] of Object.entries(CALLS)) {
    test(`${name}() refuses an owner that is not a key of this cache, and does not quote it`, async subject => {
      const { index, keyspace, key } = subject
      const bad: unknown[] = [
        '',
        'hunter2',
        keyspace,
        `${keyspace}x:hunter2`,
        key('~:hunter2'),
        key('\ud800'),
        undefined,
        7
      ]
      for (const owner of bad) assertRefused(await call(index, owner as string, 'member'))
    })
  }

  for (const name of ['add', 'remove'] as const) {
    test(`${name}() refuses what is no member, and does not quote it`, async ({ index, key }) => {
      const bad: unknown[] = [`hunter2${'x'.repeat(1_018)}`, 'hunter2\ud800', undefined, null, 7]
      for (const member of bad) assertRefused(await CALLS[name]?.(index, key('a'), member as string))
      unwrap(await index.add(key('a'), 'x'.repeat(1_024), LONG_SECONDS))
    })
  }

  test('add() refuses what is no lifetime', async ({ index, key }) => {
    for (const ttlSeconds of BAD_TTLS) assertRefused(await index.add(key('a'), 'member', ttlSeconds as number))
    assert.deepEqual(unwrap(await index.members(key('a'))), [])
  })

  if (foreign === undefined) return

  for (const [name, call] of Object.entries(CALLS)) {
    test(`${name}() fails for what is no owner, and leaves it`, async ({ index, key }) => {
      await foreign.setOther(key('a'))
      const result = await call(index, key('a'), 'member')
      if (result.ok) assert.fail('answered')
      assert.equal(result.error.code, 'CACHE_MEMBERS_ERROR')
      assert.equal(result.error.reason, 'wrong_type')
      assert.ok(await foreign.exists(key('a')))
    })
  }
}

function assertRefused(result: Result<unknown> | undefined): void {
  if (result?.ok !== false) assert.fail('accepted')
  assert.equal(result.error.code, 'CACHE_INVALID_ARGUMENT')
  assert.ok(!JSON.stringify(result).includes('hunter2'))
}
