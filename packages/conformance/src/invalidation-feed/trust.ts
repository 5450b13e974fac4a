import assert from 'node:assert/strict'
import { randomId } from '@dashtam/cache-protocol/adapter'
import { unwrap } from '../assertions.ts'
import { LONG } from '../fenced-store/suite.ts'
import { wait } from '../runner.ts'
import { eventually, type FeedSuite, Heard, isTrusted } from './suite.ts'

export function trustTests(suite: FeedSuite): void {
  startTests(suite)
  barrierTests(suite)
  statsTests(suite)
  closeTests(suite)
}

function startTests(suite: FeedSuite): void {
  suite.test('start() says that everything may have changed before the feed is trusted', async ({ another }) => {
    const { feed } = await another()
    const trustedAtReset: boolean[] = []
    feed.start(Object.assign(new Heard(), { everythingChanged: () => trustedAtReset.push(isTrusted(feed)) }))
    await eventually(() => isTrusted(feed), 'the feed is trusted')
    assert.ok(trustedAtReset.length > 0)
    assert.equal(trustedAtReset[0], false)
  })

  suite.test('start() is what trust waits for', async ({ another, key }) => {
    const { feed } = await another()
    await wait(20)
    assert.equal(isTrusted(feed), false)
    assert.equal(await feed.barrier(key('a'), []), false)
  })

  suite.test('trustedUntilMs stays ahead of the clock while nothing is wrong', async ({ feed, heard }) => {
    const { resets } = heard
    for (let look = 0; look < 50; look++) {
      await wait(10)
      assert.ok(isTrusted(feed))
    }
    assert.equal(heard.resets, resets)
  })
}

function barrierTests(suite: FeedSuite): void {
  suite.test('barrier() resolves after everything that was acknowledged before has been told', async subject => {
    const { feed, heard, key, another } = subject
    const { store: other } = await another()
    for (let round = 0; round < 300; round++) {
      heard.changes.length = 0
      unwrap(await other.invalidate([key(`${round}`)]))
      assert.equal(await feed.barrier(key(`${round}`), []), true)
      assert.ok(heard.changes.includes(`slot ${key(`${round}`)}`), `round ${round}`)
    }
  })

  suite.test('barrier() covers the generations that it is given', async ({ feed, heard, key, another }) => {
    const { store: other } = await another()
    for (let round = 0; round < 100; round++) {
      const names = ['a', 'b', 'c', 'd'].map(name => `${name}${round}`)
      heard.changes.length = 0
      unwrap(await other.bumpGenerations(names))
      assert.equal(await feed.barrier(key('a'), names), true)
      for (const name of names) assert.ok(heard.changes.includes(`generation ${name}`), name)
    }
  })

  suite.test('barrier() serves a thousand callers at once, between changes', async ({ store, feed, key }) => {
    const changes = Array.from({ length: 50 }, (_, index) => store.beginWrite(key(`${index}`), randomId(), LONG))
    const barriers = Array.from({ length: 1_000 }, (_, index) => feed.barrier(key(`${index % 50}`), ['a']))
    for (const result of await Promise.all(changes)) unwrap(result)
    assert.ok((await Promise.all(barriers)).every(isTold => isTold === true))
  })
}

function statsTests(suite: FeedSuite): void {
  suite.test('stats() counts messages and barriers, and tells the mode', async ({ store, feed, key }) => {
    const before = feed.stats()
    unwrap(await store.invalidate([key('a')]))
    assert.equal(await feed.barrier(key('a'), []), true)
    const after = feed.stats()
    assert.ok(['tracking', 'pubsub', 'local'].includes(after.mode))
    assert.equal(after.isTrusted, true)
    assert.ok(after.messages > before.messages)
    assert.ok(after.barriers > before.barriers)
    assert.equal(after.gaps, 0)
    assert.ok(after.lagMs === undefined || after.lagMs >= 0)
  })
}

function closeTests(suite: FeedSuite): void {
  suite.test('close() ends trust, and nobody is told any more', async ({ store, feed, heard, key }) => {
    await feed.close()
    assert.equal(isTrusted(feed), false)
    assert.equal(feed.stats().isTrusted, false)
    const { resets } = heard
    heard.changes.length = 0
    unwrap(await store.invalidate([key('a')]))
    unwrap(await store.bumpGenerations(['a']))
    assert.equal(await feed.barrier(key('a'), ['a']), false)
    await wait(50)
    assert.deepEqual(heard.changes, [])
    assert.equal(heard.resets, resets)
  })

  suite.test('close() may come twice, and before start()', async ({ feed, another }) => {
    await Promise.all([feed.close(), feed.close()])
    await feed.close()
    const { feed: idle } = await another()
    await idle.close()
    assert.equal(isTrusted(idle), false)
  })

  suite.test('close() of one feed leaves the others alone', async ({ store, feed, heard, key, another }) => {
    const { feed: other } = await another()
    other.start(new Heard())
    await eventually(() => isTrusted(other), 'the other feed is trusted')
    await other.close()
    unwrap(await store.invalidate([key('a')]))
    assert.equal(await feed.barrier(key('a'), []), true)
    assert.ok(heard.changes.includes(`slot ${key('a')}`))
  })
}
