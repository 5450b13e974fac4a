import { randomBytes } from 'node:crypto'
import { type CodecOptions, createKeyRing, json, messagePack } from '@dashtam/cache-codecs'
import type { ValueCodec } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import t from 'tap'
import { type Id, idsOf, MemoryFleet } from './fixtures/fleet/memory-fleet.ts'

t.test('values that readers share are frozen at every depth, and not the loader’s own', async t => {
  const fleet = new MemoryFleet()
  const own = { name: 'Ada', tags: ['a', { deep: [1] }], none: null }
  const { cache } = fleet.open()
  const family = cache.family(idsOf('a'), { load: () => own })
  const loaded = await family.get({ id: 1 })
  const hit = await family.get({ id: 1 })
  const elsewhere = await fleet
    .open()
    .cache.family(idsOf('a'), { load: () => own })
    .get({ id: 1 })
  for (const value of [loaded, hit, elsewhere]) {
    t.strictSame(value, own)
    t.ok(Object.isFrozen(value) && Object.isFrozen(value.tags) && Object.isFrozen(value.tags[1]))
    t.throws(() => Object.assign(value.tags, { 0: 'b' }), { name: 'TypeError' })
  }
  own.name = 'Bob'
  t.equal((await family.get({ id: 1 })).name, 'Ada')
})

for (const [what, make] of Object.entries({
  Date: () => new Date(0),
  Map: () => new Map([['a', { b: 1 }]]),
  Set: () => new Set([1]),
  'typed array': () => new Uint8Array([1, 2]),
  'Map in an array': () => [{ map: new Map([[1, 2]]) }]
})) {
  t.test(`each reader gets a copy of its own of a ${what}, which cannot be frozen`, async t => {
    const fleet = new MemoryFleet()
    const codec = messagePack<{ it: unknown }>()
    let loads = 0
    const load = () => {
      loads++
      return { it: make() }
    }
    const family = fleet.open().cache.family(idsOf('a'), { codec, load })
    const [one, two] = await Promise.all([family.get({ id: 1 }), family.get({ id: 1 })])
    const three = await family.get({ id: 1 })
    for (const value of [one, two, three]) t.strictSame(value, { it: make() })
    t.not(one, two)
    t.not(two, three)
    t.not(one.it, two.it)
    Object.assign(one, { it: 'spoilt' })
    t.strictSame(await family.get({ id: 1 }), { it: make() })
    t.strictSame((await family.lookup({ id: 1 })).ok, true)
    t.equal(loads, 1)
  })
}

t.test('a value that no codec takes is handed on, not cached, and that is told once', async t => {
  const warnings: Error[] = []
  const listen = (warning: Error) => warnings.push(warning)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  const fleet = new MemoryFleet()
  const { cache } = fleet.open()
  let loads = 0
  const family = cache.family(idsOf('dates'), {
    load: () => {
      loads++
      return { at: new Date(0) }
    }
  })
  for (let reads = 0; reads < 3; reads++) t.strictSame(await family.get({ id: 1 }), { at: new Date(0) })
  t.equal(loads, 3)
  t.equal(cache.stats().families.dates?.unstorable, 3)
  t.strictSame(await fleet.store.identify('fleet:dates:1'), { ok: true, value: { kind: 'absent' } }, 'no lease is left')
  await new Promise(resolve => setImmediate(resolve))
  t.equal(warnings.length, 1)
  t.match(warnings[0], { code: 'DASHTAM_CACHE_TIERED_UNSTORABLE', message: /family 'dates': .*Date/ })
})

t.test('a value larger than the store takes is handed on, and leaves no lease', async t => {
  const fleet = new MemoryFleet({ maxBytes: 64 * 1024, maxValueBytes: 100 })
  const { cache } = fleet.open()
  let loads = 0
  const load = () => {
    loads++
    return 'x'.repeat(200)
  }
  const family = cache.family(idsOf('a'), { load })
  for (let reads = 0; reads < 2; reads++) t.equal((await family.get({ id: 1 })).length, 200)
  t.equal(loads, 2)
  t.equal(cache.stats().families.a?.unstorable, 2)
  t.strictSame(await fleet.store.identify('fleet:a:1'), { ok: true, value: { kind: 'absent' } })
})

t.test('set() refuses what would not come back, and changes nothing', async t => {
  const { cache } = new MemoryFleet().open()
  const text = { '~standard': { version: 1 as const, vendor: 'test', validate: onlyText } }
  const family = cache.family<Id, unknown>(idsOf('a'), { load: () => 'v', codec: json({ schema: text }) })
  await family.set({ id: 1 }, 'before')
  for (const [value, message] of [
    [undefined, /undefined is no value/],
    [{ at: new Date(0) }, /Date/],
    [7, /does not fit the schema/]
  ] as const) {
    const refused = await family.set({ id: 1 }, value)
    t.match(refused, { ok: false, error: { code: 'CACHE_SERIALIZATION_ERROR', details: { family: 'a' }, message } })
  }
  const large = cache.family(idsOf('large'), { load: () => 'v', codec: json<string>({ maxValueBytes: 10 }) })
  t.match(await large.set({ id: 1 }, 'x'.repeat(20)), { ok: false, error: { code: 'CACHE_VALUE_TOO_LARGE' } })
  t.equal(await family.get({ id: 1 }), 'before')
  const lax = cache.family<Id, unknown>(idsOf('lax'), { load: () => 'v', codec: messagePack() })
  t.match(await lax.set({ id: 1 }, undefined), { ok: false, error: { code: 'CACHE_SERIALIZATION_ERROR' } })
})

function onlyText(value: unknown) {
  return typeof value === 'string' ? { value } : { issues: [{ message: 'not a text' }] }
}

/** Reads with one codec what another has written, through the shared store. */
async function reread<V>(writer: ValueCodec<V>, reader: ValueCodec<V>, value: V) {
  const fleet = new MemoryFleet()
  await fleet
    .open()
    .cache.family<Id, V>(idsOf('a'), { load: () => value, codec: writer })
    .get({ id: 1 })
  const { cache } = fleet.open()
  const family = cache.family<Id, V>(idsOf('a'), { load: () => value, codec: reader })
  const { status } = await family.read({ id: 1 })
  const { unreadable } = cache.stats().families.a ?? {}
  const again = await fleet
    .open()
    .cache.family<Id, V>(idsOf('a'), { load: () => value, codec: reader })
    .read({ id: 1 })
  t.equal(again.status, 'hit', 'it has been replaced')
  return { status, unreadable }
}

t.test('a family may change its codec: what can be read is, what cannot is a miss and replaced', async t => {
  const key = (id: string, byte: number) =>
    createKeyRing({ current: id, keys: { [id]: new Uint8Array(32).fill(byte) } })
  const encrypted = (options: CodecOptions) => json<string>(options)
  const HIT = { status: 'hit', unreadable: 0 }
  const MISS = { status: 'miss', unreadable: 1 }
  t.strictSame(await reread(json<string>(), messagePack<string>(), 'v'), HIT)
  t.strictSame(await reread(json<string>({ compression: 'zstd', compressFromBytes: 0 }), json<string>(), 'v'), HIT)
  t.strictSame(await reread(encrypted({ encryption: key('a', 1) }), encrypted({ encryption: key('a', 1) }), 'v'), HIT)
  t.strictSame(await reread(encrypted({ encryption: key('a', 1) }), encrypted({ encryption: key('b', 2) }), 'v'), MISS)
  t.strictSame(await reread(encrypted({ encryption: key('a', 1) }), encrypted({ encryption: key('a', 2) }), 'v'), MISS)
  t.strictSame(await reread(json<string>(), encrypted({ encryption: key('a', 1) }), 'v'), MISS)
  t.strictSame(await reread(encrypted({ encryption: key('a', 1) }), json<string>(), 'v'), MISS)
})

t.test('an encrypted value is not readable in the shared store, and bound to its key', async t => {
  const fleet = new MemoryFleet()
  const codec = json<{ iban: string }>({ encryption: createKeyRing({ current: 'a', keys: { a: randomBytes(32) } }) })
  const load = () => ({ iban: 'DE0212030000' })
  const family = fleet.open().cache.family(idsOf('a'), { codec, load })
  await family.get({ id: 1 })
  const slot = await fleet.store.read('fleet:a:1')
  const bytes = slot.ok && slot.value.kind === 'entry' ? slot.value.bytes : new Uint8Array()
  t.ok(bytes.length > 40)
  t.notOk(Buffer.from(bytes).includes('DE0212030000'))
  // Moved to another key.
  const token = randomId()
  await fleet.store.acquire('fleet:a:2', token, 1_000)
  await fleet.store.fill('fleet:a:2', token, { id: randomId(), bytes, ttlMs: 60_000 })
  const { cache } = fleet.open()
  t.equal((await cache.family(idsOf('a'), { codec, load }).read({ id: 2 })).status, 'miss')
  t.equal(cache.stats().families.a?.unreadable, 1)
})

t.test('an entry of garbage is a miss, and replaced', async t => {
  const fleet = new MemoryFleet()
  let loads = 0
  const load = () => `v${++loads}`
  const good = await entryOf(fleet, load)
  const half = good.subarray(0, 40)
  const foreign = Buffer.from(good)
  foreign[0] = 2
  const all = [new Uint8Array(), Buffer.from('garbage'), half, Buffer.concat([good, half]), foreign]
  for (const [at, bytes] of all.entries()) {
    const id = 100 + at
    const token = randomId()
    await fleet.store.acquire(`fleet:a:${id}`, token, 1_000)
    await fleet.store.fill(`fleet:a:${id}`, token, { id: randomId(), bytes, ttlMs: 60_000 })
    const { cache } = fleet.open()
    const family = cache.family(idsOf('a'), { load })
    t.strictSame(await family.lookup({ id }), ok({ kind: 'miss' }))
    t.strictSame(await family.inspect({ id }), ok(undefined))
    t.equal((await family.read({ id })).status, 'miss')
    t.equal((await family.read({ id })).status, 'hit')
    t.equal(cache.stats().families.a?.unreadable, 1)
  }
})

async function entryOf(fleet: MemoryFleet, load: () => string): Promise<Uint8Array> {
  await fleet.open().cache.family(idsOf('a'), { load }).get({ id: 99 })
  const slot = await fleet.store.read('fleet:a:99')
  if (!slot.ok || slot.value.kind !== 'entry') throw new Error('there is no entry')
  return slot.value.bytes
}

t.test('an entry may depend on hundreds of tags', async t => {
  const fleet = new MemoryFleet()
  const tags = Array.from({ length: 300 }, (_, index) => `tag-${index}`)
  let loads = 0
  const options = { tags: () => tags, load: () => ++loads }
  await fleet.open().cache.family(idsOf('a'), options).get({ id: 1 })
  const { cache } = fleet.open()
  const family = cache.family(idsOf('a'), options)
  t.strictSame(await family.read({ id: 1 }), { value: 1, status: 'hit', tier: 'shared' })
  await cache.invalidateTags(['tag-299'])
  t.strictSame(await family.read({ id: 1 }), { value: 2, status: 'miss' })
})

t.test('a value that could be decoded once and no more is an error of its codec', async t => {
  let decodes = 0
  const codec: ValueCodec<Date> = {
    encode: () => ok(new Uint8Array([1])),
    decode: () => (++decodes > 1 ? { ok: false, error: { reason: 'corrupt' } } : ok(new Date(0)))
  }
  const family = new MemoryFleet().open().cache.family(idsOf('a'), { codec, load: () => new Date(0) })
  await t.rejects(family.get({ id: 1 }), { name: 'TypeError', message: /codec cannot decode for the second time/ })
})
