import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FencedStore, Result, SlotEntry } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { createRedisClient, RedisAdapter, type RedisFencedStoreOptions } from '@dashtam/cache-redis'
import { randomPrefix, sharedRedisUrl, startRedis, startRedisCluster } from '@dashtam/testkit'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'

const WEEK_MS = 7 * 24 * 60 * 60 * 1_000
const NOW_MS = 1_800_000_000_000
const NOBODY = '-'.repeat(22)

t.test('a slot is one string that says what it is', async t => {
  const { store, keyspace, key, redis } = await open(t, { clock: () => NOW_MS, createId: counted() })
  const raw = () => redis.get(`${keyspace}:~s:user:1`)
  const [lease, one, two] = [idOf('l'), idOf('w1'), idOf('w2')]

  await store.acquire(key('user:1'), lease, 60_000)
  t.equal(await raw(), `L${lease}`)
  await store.fill(key('user:1'), lease, { id: idOf('e'), bytes: Buffer.from('bytes'), ttlMs: 60_000 })
  t.equal(await raw(), `E${idOf('e')}bytes`)
  await store.beginWrite(key('user:1'), one, 60_000)
  t.equal(await raw(), `C${idOf('1')}${one}${one}${NOW_MS + 60_000}`)
  await store.beginWrite(key('user:1'), two, 70_000)
  t.equal(await raw(), `C${idOf('2')}${NOBODY}${one}${NOW_MS + 60_000}${two}${NOW_MS + 70_000}`)
  await store.endWrite(key('user:1'), one)
  t.equal(await raw(), `C${idOf('3')}${NOBODY}${two}${NOW_MS + 70_000}`)
  await store.invalidate([key('user:1')], { holdMs: 80_000 })
  t.equal(await raw(), `C${idOf('4')}${NOBODY}${two}${NOW_MS + 70_000}${NOBODY}${NOW_MS + 80_000}`)
})

t.test('a generation is one string that says what it is', async t => {
  const { store, keyspace, redis } = await open(t, { clock: () => NOW_MS, createId: counted() })
  const raw = () => redis.get(`${keyspace}:~g:tag`)
  const record = `01${createHash('sha1').update('occasion').digest('hex')}`
  const writer = idOf('w')

  await store.readGenerations(['tag'])
  t.equal(await raw(), `G${idOf('1')}00`)
  await store.bumpOnce('tag', 'occasion')
  t.equal(await raw(), `G${idOf('2')}${record}`)
  await store.beginGenerationWrite(['tag'], writer, 60_000)
  t.equal(await raw(), `P${idOf('3')}${record}${writer}${NOW_MS + 60_000}`)
  await store.endGenerationWrite(['tag'], writer)
  t.equal(await raw(), `G${idOf('4')}${record}`)
})

t.test('claim() writes beside the slots and generations, which processes follow', async t => {
  const { store, keyspace, key, redis } = await open(t)
  const token = randomId()
  await store.claim(key('{a}:1'), token, 60_000)
  t.equal(await redis.get(`${keyspace}:~c:{a}:1`), token)
  t.strictSame(await redis.keys(`${keyspace}:*`), [`${keyspace}:~c:{a}:1`])
})

t.test('the port reaches no slot, and its flush() leaves them', async t => {
  const { adapter, store, keyspace, key } = await open(t)
  await store.beginWrite(key('a'), randomId(), 60_000)
  t.match(await adapter.get(`${keyspace}:~s:a`), { error: { code: 'CACHE_INVALID_ARGUMENT' } })
  await adapter.flush()
  t.match(await store.read(key('a')), { value: { kind: 'closed' } })
})

t.test('a key of another type is an entry that anybody may replace', async t => {
  const { store, keyspace, key, redis } = await open(t)
  const id = createHash('sha1').digest('hex')
  for (const name of ['a', 'b', 'c']) await redis.lpush(`${keyspace}:~s:${name}`, 'x')
  t.match(await store.read(key('a')), { value: { kind: 'entry', id, bytes: Buffer.alloc(0) } })
  t.match(await store.identify(key('a')), { value: { kind: 'entry', id } })
  t.match(await store.readMany([key('a')]), { value: [{ kind: 'entry', id }] })
  t.match(await store.fill(key('a'), randomId(), entryOf('late')), { value: false })
  t.match(await store.acquire(key('a'), randomId(), 60_000), { value: { kind: 'entry', id } })
  t.match(await store.acquire(key('a'), randomId(), 60_000, id), { value: { kind: 'lease' } })
  t.match(await store.invalidate([key('b')]), { ok: true })
  t.match(await store.read(key('b')), { value: { kind: 'absent' } })
  t.match(await store.beginWrite(key('c'), randomId(), 60_000), { ok: true })
  t.match(await store.read(key('c')), { value: { kind: 'closed' } })
  await redis.lpush(`${keyspace}:~g:tag`, 'x')
  t.match(await store.readGenerations(['tag']), { value: [{ isPending: false }] })
})

t.test('a closed slot and a lease are gone when their time is over', async t => {
  const { store, keyspace, key, redis } = await open(t)
  await store.beginWrite(key('a'), randomId(), 5_000)
  await store.beginWrite(key('a'), randomId(), 60_000)
  t.ok(Math.abs((await redis.pttl(`${keyspace}:~s:a`)) - 60_000) < 1_000, 'with the last deadline')
  await store.renewWrite(key('b'), randomId(), 60_000)
  t.equal(await redis.exists(`${keyspace}:~s:b`), 0, 'a write that is not known is not made')
  await store.acquire(key('c'), randomId(), 60_000)
  t.ok(Math.abs((await redis.pttl(`${keyspace}:~s:c`)) - 60_000) < 1_000)
})

t.test('read() tells how long a lease and a closed slot last without being asked', async t => {
  const { store, key } = await open(t)
  await store.acquire(key('a'), randomId(), 60_000)
  await store.beginWrite(key('b'), randomId(), 60_000)
  for (const name of ['a', 'b']) {
    const slot = await store.read(key(name))
    t.ok(slot.ok && 'remainingMs' in slot.value && Math.abs(slot.value.remainingMs - 60_000) < 1_000, name)
  }
})

t.test('readGenerations() lets a generation live for a week, and renews it when half of that is over', async t => {
  const { store, keyspace, redis } = await open(t)
  const lifetime = () => redis.pttl(`${keyspace}:~g:tag`)
  await store.readGenerations(['tag'])
  t.ok(WEEK_MS - (await lifetime()) < 1_000)
  await redis.pexpire(`${keyspace}:~g:tag`, WEEK_MS / 2 + 60_000)
  await store.readGenerations(['tag'])
  t.ok((await lifetime()) <= WEEK_MS / 2 + 60_000, 'not yet: every process would hear of it')
  await redis.pexpire(`${keyspace}:~g:tag`, WEEK_MS / 2 - 60_000)
  await store.readGenerations(['tag'])
  t.ok(WEEK_MS - (await lifetime()) < 1_000)
  await store.beginGenerationWrite(['tag'], randomId(), 2 * WEEK_MS)
  t.ok((await lifetime()) > 2 * WEEK_MS - 1_000, 'a pending one until its last deadline')
})

t.test('readGenerations() makes a lost or unreadable generation anew', async t => {
  const { store, keyspace, redis } = await open(t)
  const seen = new Set<string>()
  for (const spoil of ['', 'G', `G${'x'.repeat(22)}`, `G${'x'.repeat(22)}05short`, `P${'x'.repeat(22)}00`]) {
    await redis.set(`${keyspace}:~g:tag`, spoil)
    const [generation] = unwrap(await store.readGenerations(['tag']))
    t.match(generation, { id: /^[\w-]{22}$/, isPending: false })
    seen.add(generation?.id ?? '')
  }
  t.equal(seen.size, 5)
})

t.test('bumpOnce() remembers 64 occasions', async t => {
  const { store } = await open(t)
  for (let occasion = 1; occasion <= 65; occasion++) await store.bumpOnce('tag', `${occasion}`)
  t.match(await store.bumpOnce('tag', '2'), { value: false })
  t.match(await store.bumpOnce('tag', '1'), { value: true }, 'the oldest is forgotten')
})

t.test('what must not fail when the server is out of memory does not, and the rest changes nothing', async t => {
  await using server = await startRedis()
  const { store, key, redis } = await open(t, {}, server.url)
  const [lease, writer, storer] = [randomId(), randomId(), randomId()]
  await store.acquire(key('lease'), lease, 60_000)
  await store.beginWrite(key('storing'), storer, 60_000)
  await redis.config('SET', 'maxmemory', '1')

  const refused = { error: { code: 'CACHE_FILL_ERROR', reason: 'server' } }
  t.match(await store.acquire(key('a'), randomId(), 60_000), refused)
  t.match(await store.fill(key('lease'), lease, entryOf('new')), refused)
  t.match(await store.readGenerations(['new']), { error: { reason: 'server' } })

  const done: Record<string, Promise<Result<unknown>>> = {
    'invalidate, absent': store.invalidate([key('a')]),
    'invalidate with a hold': store.invalidate([key('held')], { holdMs: 60_000 }),
    beginWrite: store.beginWrite(key('b'), writer, 60_000),
    'beginWrite, the second': store.beginWrite(key('b'), randomId(), 60_000),
    renewWrite: store.renewWrite(key('b'), writer, 60_000),
    'endWrite, not the last': store.endWrite(key('b'), writer),
    bumpGenerations: store.bumpGenerations(['tag']),
    beginGenerationWrite: store.beginGenerationWrite(['tag'], writer, 60_000),
    renewGenerationWrite: store.renewGenerationWrite(['tag'], writer, 60_000),
    endGenerationWrite: store.endGenerationWrite(['tag'], writer),
    bumpOnce: store.bumpOnce('tag', 'occasion')
  }
  for (const [name, result] of Object.entries(done)) t.match(await result, { ok: true }, name)
  t.match(await store.endWrite(key('storing'), storer, { entry: entryOf('value') }), { value: false }, 'not stored')
  t.match(await store.read(key('storing')), { value: { kind: 'absent' } })
  t.match(await store.read(key('held')), { value: { kind: 'closed' } })
})

t.test('a server that refuses writes tells of no lease, whose holder could not end it', async t => {
  await using server = await startRedis()
  const { store, key, redis } = await open(t, {}, server.url)
  const [lease, other] = [randomId(), randomId()]
  await store.acquire(key('a'), lease, 60_000)
  for (const [setting, refusing, accepting] of [
    ['min-replicas-to-write', '1', '0'],
    ['maxmemory', '1', '0']
  ] as const) {
    await redis.config('SET', setting, refusing)
    t.match(await store.acquire(key('a'), other, 60_000), { error: { reason: 'server' } }, setting)
    await redis.config('SET', setting, accepting)
    t.match(await store.acquire(key('a'), other, 60_000), { value: { kind: 'lease', id: lease } })
  }
})

t.test('scripts that the server has forgotten are sent again, in the middle of many', async t => {
  await using server = await startRedis()
  const { store, key, redis } = await open(t, {}, server.url)
  await redis.script('FLUSH')
  const keys = Array.from({ length: 100 }, (_, index) => key(`${index}`))
  t.match(await store.invalidate(keys), { ok: true })
  await redis.script('FLUSH')
  t.match(await store.acquire(key('a'), randomId(), 60_000), { value: { kind: 'lease' } })
  t.match(await store.readGenerations(['a']), { ok: true })
})

t.test('invalidate() of thousands of keys: none is left out because another failed', async t => {
  await using server = await startRedis()
  const { store, key, redis, keyspace } = await open(t, {}, server.url)
  const keys = Array.from({ length: 2_500 }, (_, index) => key(`${index}`))
  for (const each of keys) await redis.set(each.replace(':', ':~s:'), 'stale')
  await redis.call('ACL', 'SETUSER', 'partly', 'on', 'nopass', '+@all', '&*', `~${keyspace}:~s:*[0-8]`)
  const url = server.url.replace('//', '//partly:any@')
  const partly = new RedisAdapter({ keyspace, client: createRedisClient({ url }), closesClient: true })
  t.teardown(() => partly.close())
  t.match(await partly.fencedStore().invalidate(keys), {
    error: { code: 'CACHE_INVALIDATE_ERROR', reason: 'server', details: { operation: 'invalidate' } }
  })
  t.equal(await redis.dbsize(), 250)
  t.match(await store.invalidate(keys), { ok: true })
  t.equal(await redis.dbsize(), 0)
})

t.test('many keys in a cluster, of every master and with hash tags', async t => {
  await using cluster = await startRedisCluster({ replicasPerMaster: 0 })
  const keyspace = randomPrefix()
  const client = createRedisClient({ cluster: cluster.seeds })
  const adapter = new RedisAdapter({ keyspace, client, closesClient: true, commandTimeoutMs: 5_000 })
  t.teardown(() => adapter.close())
  const store = adapter.fencedStore()
  const keys = Array.from({ length: 2_500 }, (_, index) => `${keyspace}:{tag${index % 7}}:${index}`)
  await Promise.all(keys.map(key => store.beginWrite(key, idOf('w'), 60_000)))
  await Promise.all(keys.map(key => store.endWrite(key, idOf('w'), { entry: entryOf(key) })))
  const read = unwrap(await store.readMany(keys))
  t.ok(read.every((slot, index) => slot.kind === 'entry' && Buffer.from(slot.bytes).toString() === keys[index]))
  t.match(await store.invalidate(keys), { ok: true })
  t.ok(unwrap(await store.readMany(keys)).every(slot => slot.kind === 'absent'))
  const names = Array.from({ length: 50 }, (_, index) => `tag:${index}`)
  const before = unwrap(await store.readGenerations(names))
  t.match(await store.bumpGenerations(names), { ok: true })
  const after = unwrap(await store.readGenerations(names))
  t.ok(after.every(({ id }, index) => id !== before[index]?.id))
})

t.test('a frozen server costs one deadline', async t => {
  await using server = await startRedis()
  const { store, key } = await open(t, {}, server.url)
  await store.read(key('a'))
  await server.freeze()
  const started = performance.now()
  const results = await Promise.all([
    store.read(key('a')),
    store.acquire(key('a'), randomId(), 60_000),
    store.invalidate([key('a'), key('b')]),
    store.readGenerations(['a'])
  ])
  t.ok(performance.now() - started < 500)
  for (const result of results) t.match(result, { error: { reason: 'timeout' } })
  await server.resume()
})

/** Each leaves something changed, whatever was there. */
const ALWAYS_TOLD: Record<string, (store: FencedStore, key: string) => Promise<Result<unknown>>> = {
  invalidate: (store, key) => store.invalidate([key]),
  'invalidate with a hold': (store, key) => store.invalidate([key], { holdMs: 60_000 }),
  beginWrite: (store, key) => store.beginWrite(key, randomId(), 60_000),
  'endWrite of a write that nobody knows': (store, key) => store.endWrite(key, randomId()),
  'endWrite with an entry of a write that nobody knows': (store, key) =>
    store.endWrite(key, randomId(), { entry: entryOf('a') })
}

t.test('the server tells of every invalidation and write, whatever the slot holds', async t => {
  const { store, key, keyspace } = await open(t)
  const follower = await follow(t, keyspace)
  for (const [name, change] of Object.entries(ALWAYS_TOLD)) {
    for (const before of ['absent', 'lease', 'entry', 'closed']) {
      const slot = key(`${name}, ${before}`)
      if (before === 'closed') await store.beginWrite(slot, randomId(), 60_000)
      if (before === 'lease') await store.acquire(slot, idOf('l'), 60_000)
      if (before === 'entry') await fill(store, slot)
      await follower.told()
      await change(store, slot)
      t.strictSame(await follower.told(), [slot.replace(':', ':~s:')], `${name}, ${before}`)
    }
  }
  for (const change of [
    () => store.readGenerations(['tag']),
    () => store.bumpGenerations(['tag']),
    () => store.beginGenerationWrite(['tag'], idOf('w'), 60_000),
    () => store.bumpGenerations(['tag']),
    () => store.endGenerationWrite(['tag'], idOf('w')),
    () => store.endGenerationWrite(['tag'], idOf('w')),
    () => store.bumpOnce('tag', 'occasion')
  ]) {
    await change()
    t.strictSame(await follower.told(), [`${keyspace}:~g:tag`])
  }
  await store.readGenerations(['tag'])
  await store.claim(key('a'), randomId(), 60_000)
  await store.bumpOnce('tag', 'occasion')
  t.strictSame(await follower.told(), [], 'of a read, a claim and what has been done before nobody is told')
})

t.test('channel has every change published, for servers that do not tell', async t => {
  const { store, key, keyspace } = await open(t)
  const channel = `${keyspace}:~i`
  const subscriber = new Redis(await sharedRedisUrl())
  t.teardown(() => subscriber.disconnect())
  const published: string[] = []
  subscriber.on('message', (_, message: string) => published.push(message))
  await subscriber.subscribe(channel)
  t.equal(store.channel, undefined)
  await store.invalidate([key('before')])
  store.channel = channel

  const [slot, lease, writer] = [key('a'), randomId(), randomId()]
  const id = randomId()
  const changes = [
    () => store.acquire(slot, lease, 60_000),
    () => store.fill(slot, lease, { ...entryOf('a'), id }),
    () => store.refresh(slot, id, entryOf('b')),
    () => store.beginWrite(slot, writer, 60_000),
    () => store.endWrite(slot, writer, { entry: entryOf('c') }),
    () => store.invalidate([slot]),
    () => store.endWrite(slot, writer),
    () => store.acquire(slot, lease, 60_000),
    () => store.release(slot, lease)
  ]
  for (const change of changes) await change()
  const generationChanges = [
    () => store.readGenerations(['tag']),
    () => store.bumpGenerations(['tag']),
    () => store.beginGenerationWrite(['tag'], writer, 60_000),
    () => store.endGenerationWrite(['tag'], writer),
    () => store.bumpOnce('tag', 'occasion')
  ]
  for (const change of generationChanges) await change()
  // Nothing of these changes anything.
  await store.release(slot, lease)
  await store.renew(slot, lease, 60_000)
  await store.renewWrite(slot, writer, 60_000)
  await store.readGenerations(['tag'])
  await store.bumpOnce('tag', 'occasion')
  await store.claim(slot, writer, 60_000)
  await store.unclaim(slot, writer)
  await subscriber.ping()
  t.strictSame(published, [
    ...changes.map(() => `${keyspace}:~s:a`),
    ...generationChanges.map(() => `${keyspace}:~g:tag`)
  ])
})

t.test('errors hold no key, no name and no value', async t => {
  await using server = await startRedis()
  const { store, key, redis } = await open(t, {}, server.url)
  await redis.config('SET', 'maxmemory', '1')
  const results = [
    await store.acquire(key('hunter2'), randomId(), 60_000),
    await store.readGenerations(['hunter2']),
    await store.read('hunter2'),
    await store.bumpGenerations(['hunter2\ud800']),
    await store.fill(key('hunter2'), 'hunter2', entryOf('hunter2'))
  ]
  for (const result of results) t.equal(result.ok, false)
  t.notMatch(JSON.stringify(results), 'hunter2')
})

t.test('each operation makes one id for each key or name, used or not', async t => {
  let made = 0
  const createId = () => {
    made++
    return randomId()
  }
  const { store, key } = await open(t, { createId })
  const expectIds = async (expected: number, operation: Promise<Result<unknown>>) => {
    t.equal((await operation).ok, true)
    t.equal(made, expected)
    made = 0
  }
  const token = randomId()
  await expectIds(2, store.invalidate([key('a'), key('b')]))
  await expectIds(1, store.beginWrite(key('a'), token, 60_000))
  await expectIds(0, store.renewWrite(key('a'), token, 60_000))
  await expectIds(1, store.endWrite(key('a'), token, { entry: entryOf('a') }))
  await expectIds(1, store.endWrite(key('a'), token))
  await expectIds(2, store.readGenerations(['a', 'b']))
  await expectIds(2, store.readGenerations(['a', 'b']))
  await expectIds(2, store.bumpGenerations(['a', 'b']))
  await expectIds(1, store.beginGenerationWrite(['a'], token, 60_000))
  await expectIds(0, store.renewGenerationWrite(['a'], token, 60_000))
  await expectIds(1, store.endGenerationWrite(['a'], token))
  await expectIds(1, store.bumpOnce('a', 'occasion'))
  await expectIds(1, store.bumpOnce('a', 'occasion'))
})

/** A store in a keyspace of its own, and a client that sees past it. */
async function open(t: Test, options: RedisFencedStoreOptions = {}, url?: string) {
  const keyspace = randomPrefix()
  const at = url ?? (await sharedRedisUrl())
  const redis = new Redis(at)
  const adapter = new RedisAdapter({ keyspace, client: createRedisClient({ url: at }), closesClient: true })
  t.teardown(async () => {
    await adapter.close()
    if (url === undefined) for (const key of await redis.keys(`${keyspace}:*`)) await redis.del(key)
    redis.disconnect()
  })
  const store = adapter.fencedStore(options)
  return { adapter, store, redis, keyspace, key: (name: string) => `${keyspace}:${name}` }
}

/** Hears what the server tells of the slots and generations. */
async function follow(t: Test, keyspace: string) {
  const url = await sharedRedisUrl()
  const follower = new Redis(url, { protocol: 2 })
  const other = new Redis(url)
  t.teardown(() => {
    follower.disconnect()
    other.disconnect()
  })
  const heard: string[] = []
  follower.on('messageBuffer', (_: Buffer, keys: unknown) => heard.push(...(keys as Buffer[]).map(String)))
  const prefixes = ['~s:', '~g:'].flatMap(prefix => ['PREFIX', `${keyspace}:${prefix}`])
  await follower.client('TRACKING', 'ON', 'REDIRECT', await follower.client('ID'), 'BCAST', ...prefixes)
  await follower.subscribe('__redis__:invalidate')
  return {
    /** Everything since the last call. Its own change is the last that can be heard. */
    told: async (): Promise<string[]> => {
      const last = `${keyspace}:~s:last`
      await other.multi().set(last, '').del(last).exec()
      for (let waited = 0; !heard.includes(last); waited++) {
        if (waited > 500) throw new Error('nothing is heard')
        await sleep(2)
      }
      return heard.splice(0).filter(key => key !== last)
    }
  }
}

async function fill(store: FencedStore, key: string): Promise<void> {
  const token = randomId()
  await store.acquire(key, token, 60_000)
  await store.fill(key, token, entryOf('value'))
}

function entryOf(text: string): SlotEntry {
  return { id: randomId(), bytes: Buffer.from(text), ttlMs: 60_000 }
}

/** Ids that a test can foretell. */
function counted(): () => string {
  let count = 0
  return () => idOf(String(++count))
}

function idOf(name: string): string {
  return name.padStart(22, '_')
}

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}
