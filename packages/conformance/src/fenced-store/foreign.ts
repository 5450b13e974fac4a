import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { ok } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { unwrap } from '../assertions.ts'
import { assertAbsent, assertClosed, assertEntry, entryOf, type FencedSuite, LONG } from './suite.ts'

/** What somebody else may have written; some begin as stores might have them begin. */
const FOREIGN: Readonly<Record<string, Uint8Array>> = {
  text: Buffer.from('{"hello":"world"}'),
  binary: Uint8Array.of(0, 255, 254, 128, 10, 13),
  E: Buffer.from('E'),
  L: Buffer.from('L'),
  C: Buffer.from('C'),
  'short entry': Buffer.from(`E${'x'.repeat(21)}`),
  'short lease': Buffer.from(`L${'x'.repeat(21)}`),
  'long lease': Buffer.from(`L${'x'.repeat(23)}`),
  'closed by nobody': Buffer.from(`C${'x'.repeat(44)}`),
  'closed until nonsense': Buffer.from(`C${'x'.repeat(44)}${'x'.repeat(22)}notadeadline!`)
}

export function foreignTests(suite: FencedSuite): void {
  const { foreign } = suite
  if (foreign === undefined) return

  suite.test('read() takes bytes that no store has written for an entry', async ({ store, key }) => {
    for (const [name, bytes] of Object.entries(FOREIGN)) {
      await foreign.setSlot(key(name), bytes)
      const slot = unwrap(await store.read(key(name)))
      if (slot.kind !== 'entry') assert.fail(`${name}: expected an entry, got ${slot.kind}`)
      assert.ok(Buffer.from(bytes).equals(slot.bytes), `${name}: the bytes`)
      assert.equal(slot.id, sha1(bytes), `${name}: the id`)
      const [many] = unwrap(await store.readMany([key(name)]))
      assert.equal(many?.kind === 'entry' && many.id, sha1(bytes))
    }
  })

  suite.test('identify() tells of such bytes what read() does', async ({ store, key }) => {
    for (const [name, bytes] of Object.entries(FOREIGN)) {
      await foreign.setSlot(key(name), bytes)
      const stamp = unwrap(await store.identify(key(name)))
      assert.equal(stamp.kind === 'entry' && stamp.id, sha1(bytes), name)
    }
  })

  suite.test('acquire() takes the place of such bytes when it is told to', async ({ store, key }) => {
    for (const [name, bytes] of Object.entries(FOREIGN)) {
      await foreign.setSlot(key(name), bytes)
      const there = unwrap(await store.acquire(key(name), randomId(), LONG))
      assert.equal(there.kind === 'entry' && there.id, sha1(bytes), name)
      assert.equal(unwrap(await store.acquire(key(name), randomId(), LONG, randomId())).kind, 'entry')
      assert.equal(unwrap(await store.acquire(key(name), randomId(), LONG, sha1(bytes))).kind, 'lease')
    }
  })

  suite.test('refresh() replaces such bytes', async ({ store, key }) => {
    for (const [name, bytes] of Object.entries(FOREIGN)) {
      await foreign.setSlot(key(name), bytes)
      assert.deepEqual(await store.refresh(key(name), randomId(), entryOf('new')), ok(false))
      const entry = entryOf('new')
      assert.deepEqual(await store.refresh(key(name), sha1(bytes), entry), ok(true))
      await assertEntry(store, key(name), entry)
    }
  })

  suite.test('fill(), release() and renewals leave such bytes alone', async ({ store, key }) => {
    for (const [name, bytes] of Object.entries(FOREIGN)) {
      await foreign.setSlot(key(name), bytes)
      assert.deepEqual(await store.fill(key(name), randomId(), entryOf('late')), ok(false))
      assert.deepEqual(await store.release(key(name), randomId()), ok(false))
      assert.deepEqual(await store.renew(key(name), randomId(), LONG), ok(false))
      assert.deepEqual(await store.renewWrite(key(name), randomId(), LONG), ok(false))
      const stamp = unwrap(await store.identify(key(name)))
      assert.equal(stamp.kind === 'entry' && stamp.id, sha1(bytes), name)
    }
  })

  suite.test('invalidate() removes such bytes', async ({ store, key }) => {
    for (const [name, bytes] of Object.entries(FOREIGN)) {
      await foreign.setSlot(key(name), bytes)
      unwrap(await store.invalidate([key(name)]))
      await assertAbsent(store, key(name))
    }
  })

  suite.test('beginWrite() and endWrite() take such bytes for any other entry', async ({ store, key }) => {
    for (const [name, bytes] of Object.entries(FOREIGN)) {
      const [token, entry] = [randomId(), entryOf('new')]
      await foreign.setSlot(key(name), bytes)
      unwrap(await store.beginWrite(key(name), token, LONG))
      await assertClosed(store, key(name))
      assert.deepEqual(await store.endWrite(key(name), token, { entry }), ok(true), name)
      await foreign.setSlot(key(name), bytes)
      assert.deepEqual(await store.endWrite(key(name), randomId(), { entry }), ok(false))
      await assertAbsent(store, key(name))
    }
  })
}

function sha1(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex')
}
