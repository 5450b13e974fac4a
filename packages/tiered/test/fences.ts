// Races that the engine avoids, each step held where it matters: commands, their answers and messages are on ways of
// their own.
import { ok } from '@dashtam/cache-protocol'
import { randomId } from '@dashtam/cache-protocol/adapter'
import t from 'tap'
import { HeldFeed } from './fixtures/fleet/held-feed.ts'
import { type Gate, type Id, idsOf, MemoryFleet, turn } from './fixtures/fleet/memory-fleet.ts'

/** Two processes, of which the messages to the first are held; and the version that their source has. */
function opened({ staleSeconds = 0 } = {}) {
  const fleet = new MemoryFleet()
  const feed = new HeldFeed(fleet.store.openFeed())
  const source = { version: 1, gate: undefined as Promise<unknown> | undefined, loads: 0 }
  const options = {
    ttlSeconds: 100,
    staleSeconds,
    tags: () => ['some'],
    load: async () => {
      source.loads++
      const { version, gate } = source
      await gate
      return version
    }
  }
  const here = fleet.open({}, feed)
  const there = fleet.open()
  const family = here.cache.family<Id, number>(idsOf('a'), options)
  const elsewhere = there.cache.family<Id, number>(idsOf('a'), options)
  /** Until it is a hit that looks at nothing. */
  const known = async (id = 1) => {
    for (let reads = 0; reads < 3; reads++) await family.get({ id })
  }
  /** What is held goes on when its value has changed, and been invalidated. */
  const overtake = async (gate: Gate, invalidate: () => Promise<unknown>) => {
    await gate.reached
    source.version = 2
    await invalidate()
    gate.open()
  }
  return { fleet, feed, here, there, source, family, elsewhere, known, overtake }
}

const INVALIDATIONS = {
  'a delete': ({ elsewhere }: ReturnType<typeof opened>) => elsewhere.invalidate({ id: 1 }),
  'a tag': ({ there }: ReturnType<typeof opened>) => there.cache.invalidateTags(['some']),
  'a clear': ({ there }: ReturnType<typeof opened>) => there.cache.clear()
}

for (const [what, invalidate] of Object.entries(INVALIDATIONS)) {
  t.test(`${what} that comes before the answer to a GET leaves nothing old in memory`, async t => {
    const context = opened()
    const { here, family, elsewhere, known, overtake } = context
    await elsewhere.get({ id: 1 })
    await known(2)
    const gate = here.hold('read', 'answer')
    const reading = family.get({ id: 1 })
    await overtake(gate, () => invalidate(context))
    await reading
    t.equal(await family.get({ id: 1 }), 2)
  })

  t.test(`${what} that comes before the answer to a fill leaves nothing old in memory`, async t => {
    const context = opened()
    const { here, family, known, overtake } = context
    await known(2)
    const gate = here.hold('fill', 'answer')
    await family.get({ id: 1 })
    await overtake(gate, () => invalidate(context))
    await turn()
    t.equal(await family.get({ id: 1 }), 2)
  })

  t.test(`${what} that comes before a confirmation leaves nothing old in memory`, async t => {
    const context = opened()
    const { fleet, here, family, known, overtake } = context
    await known()
    // What makes it suspect is nothing that changes it.
    await fleet.store.refresh('fleet:a:1', randomId(), { id: randomId(), bytes: new Uint8Array(), ttlMs: 1 })
    const slot = await fleet.store.read('fleet:a:1')
    if (!slot.ok || slot.value.kind !== 'entry') throw new Error('there is no entry')
    await fleet.store.refresh('fleet:a:1', slot.value.id, { ...slot.value, ttlMs: 50_000 })
    const gate = here.hold('identify', 'answer')
    const reading = family.get({ id: 1 })
    await overtake(gate, () => invalidate(context))
    await reading
    t.equal(await family.get({ id: 1 }), 2)
  })

  t.test(`${what} that comes before the answer to a refresh leaves nothing old in memory`, async t => {
    const context = opened({ staleSeconds: 100 })
    const { fleet, here, family, known, overtake } = context
    await known()
    fleet.nowMs += 150_000
    const gate = here.hold('refresh', 'answer')
    await family.get({ id: 1 })
    await overtake(gate, () => invalidate(context))
    await turn()
    t.equal(await family.get({ id: 1 }), 2)
  })

  t.test(`${what} leaves the reads that began before to themselves`, async t => {
    const context = opened()
    const { here, source, family, known } = context
    await known(2)
    const gate = here.hold('read', 'answer')
    const before = family.get({ id: 1 })
    await gate.reached
    source.version = 2
    await invalidate(context)
    const after = family.get({ id: 1 })
    source.version = 3
    gate.open()
    await before
    t.equal(await after, 3)
  })

  t.test(`${what} keeps out a load, also when the slot has been filled again since`, async t => {
    const context = opened()
    const { source, family, elsewhere } = context
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    source.gate = gate
    const loading = family.get({ id: 1 })
    await turn()
    source.version = 2
    source.gate = undefined
    await invalidate(context)
    const after = elsewhere.get({ id: 1 })
    await turn()
    open()
    t.equal(await loading, 1)
    t.equal(await after, 2)
    await turn()
    for (const each of [family, elsewhere]) t.equal(await each.get({ id: 1 }), 2)
  })

  t.test(`${what} of which nobody has told is seen by a strong read`, async t => {
    for (const hasBarrier of [true, false]) {
      const context = opened()
      const { feed, source, family, known } = context
      await known()
      feed.hold()
      feed.hasNoBarrier = !hasBarrier
      source.version = 2
      await invalidate(context)
      t.equal(await family.get({ id: 1 }), 1)
      t.equal(await family.get({ id: 1 }, { consistency: 'strong' }), 2)
    }
  })

  t.test(`a strong read does not join a load that began before ${what} of which nobody has told`, async t => {
    for (const hasBarrier of [true, false]) {
      const context = opened()
      const { feed, source, family, known } = context
      await known(2)
      const { promise: gate, resolve: open } = Promise.withResolvers<void>()
      source.gate = gate
      const loading = family.get({ id: 1 })
      await turn()
      feed.hold()
      feed.hasNoBarrier = !hasBarrier
      source.version = 2
      source.gate = undefined
      await invalidate(context)
      const strong = family.get({ id: 1 }, { consistency: 'strong' })
      await turn()
      open()
      t.equal(await loading, 1)
      t.equal(await strong, 2)
    }
  })

  t.test(`${what} that was lost with the feed is not overlooked when there is one again`, async t => {
    for (const isReadMeanwhile of [false, true]) {
      const context = opened()
      const { feed, source, family, known } = context
      await known(1)
      await known(2)
      feed.cut()
      source.version = 2
      await invalidate(context)
      if (isReadMeanwhile) t.equal(await family.get({ id: 1 }), 2)
      feed.mend()
      // Of which its tags are known again.
      await known(2)
      t.equal(await family.get({ id: 1 }), 2)
    }
  })

  t.test(`${what} that was lost with the feed keeps later reads from what began before`, async t => {
    for (const isMended of [true, false]) {
      const context = opened()
      const { fleet, feed, here, source, family, elsewhere, known } = context
      await elsewhere.get({ id: 1 })
      await known(2)
      const gate = here.hold('read', 'answer')
      const before = family.get({ id: 1 })
      await gate.reached
      feed.cut()
      fleet.nowMs += 1
      source.version = 2
      await invalidate(context)
      if (isMended) feed.mend()
      const after = family.get({ id: 1 })
      await turn()
      gate.open()
      await before
      t.equal(await after, 2)
    }
  })

  t.test(
    `a load that ${what} has overtaken while the feed was cut is not believed when there is one again`,
    async t => {
      const context = opened()
      const { feed, here, source, family } = context
      const gate = here.hold('fill', 'answer')
      await family.get({ id: 1 })
      await gate.reached
      feed.cut()
      source.version = 2
      await invalidate(context)
      feed.mend()
      gate.open()
      await turn()
      t.equal(await family.get({ id: 1 }), 2)
    }
  )
}

t.test('a generation that was asked for before it changed is not believed', async t => {
  const { here, there, family, elsewhere, overtake } = opened()
  await elsewhere.get({ id: 1 })
  await elsewhere.get({ id: 2 })
  const gate = here.hold('readGenerations', 'answer')
  const reading = family.get({ id: 1 })
  await overtake(gate, () => there.cache.invalidateTags(['some']))
  await reading
  t.equal(await family.get({ id: 2 }), 2)
  t.equal(await family.get({ id: 1 }), 2)
})

t.test('an entry that is newer than the generations known here is not taken for an old one', async t => {
  const { feed, there, source, family, elsewhere, known } = opened()
  await known()
  feed.hold()
  source.version = 2
  await there.cache.invalidateTags(['some'])
  t.equal(await elsewhere.get({ id: 2 }), 2)
  t.strictSame(await family.read({ id: 2 }), { value: 2, status: 'hit', tier: 'shared' })
  t.equal(source.loads, 2)
})

t.test('a read that began before its tag was known to have changed does not serve the value from before', async t => {
  const { feed, here, there, source, family, elsewhere, known } = opened()
  await known()
  // The store has another entry than the one that is remembered, under the same tag.
  await elsewhere.invalidate({ id: 1 })
  await elsewhere.get({ id: 1 })
  feed.hold()
  const gate = here.hold('identify', 'answer')
  const reading = family.get({ id: 1 })
  await gate.reached
  source.version = 2
  await there.cache.invalidateTags(['some'])
  await elsewhere.get({ id: 2 })
  t.equal(await family.get({ id: 2 }), 2, 'from here on the tag is known to have changed')
  gate.open()
  t.equal(await reading, 2)
})

t.test('a load that began under a tag that is being written is stored nowhere', async t => {
  const { fleet, source, family, elsewhere } = opened()
  await family.get({ id: 2 })
  const [before, none] = await Promise.all([fleet.store.identify('fleet:a:2'), fleet.store.identify('fleet:a:1')])
  await elsewhere.mutate(
    { id: 7 },
    async () => {
      for (const version of [2, 3]) {
        source.version = version
        for (const id of [1, 2]) t.equal(await family.get({ id }), version)
      }
      t.strictSame(await fleet.store.identify('fleet:a:2'), before)
      t.strictSame(await fleet.store.identify('fleet:a:1'), none)
    },
    { tags: ['some'] }
  )
  source.version = 4
  for (const each of [family, elsewhere]) for (const id of [1, 2]) t.equal(await each.get({ id }), 4)
})

t.test('a lease that a read gets while one of its tags is being written is given back', async t => {
  const { fleet, source, family, elsewhere } = opened()
  const { promise: gate, reject } = Promise.withResolvers<void>()
  source.gate = gate
  const loading = elsewhere.get({ id: 1 })
  await turn()
  const waiting = family.read({ id: 1 })
  await turn()
  source.gate = undefined
  await elsewhere.mutate(
    { id: 7 },
    async () => {
      reject(new Error('no'))
      await t.rejects(loading, { message: 'no' })
      t.strictSame(await waiting, { value: 1, status: 'miss' })
      t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }))
    },
    { tags: ['some'] }
  )
})

t.test('those who read under a closed slot share a load, until its next change', async t => {
  const { here, source, family, elsewhere } = opened()
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  await elsewhere.mutate({ id: 1 }, async () => {
    source.gate = gate
    const first = family.get({ id: 1 })
    await turn()
    const second = family.get({ id: 1 })
    await turn()
    t.equal(source.loads, 1)
    // Another writer: the slot has a new id.
    await elsewhere.invalidate({ id: 1 })
    source.version = 2
    source.gate = undefined
    t.equal(await family.get({ id: 1 }), 2)
    open()
    t.strictSame(await Promise.all([first, second]), [1, 1])
  })
  t.match(here.cache.stats().families.a, { collapsed: 1, misses: 2 })
})

t.test('a load under a closed slot is not shared any more when one of its tags has changed', async t => {
  const { there, source, family, elsewhere } = opened()
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  await elsewhere.mutate({ id: 1 }, async () => {
    source.gate = gate
    const first = family.get({ id: 1 })
    await turn()
    await there.cache.invalidateTags(['some'])
    source.version = 2
    source.gate = undefined
    t.equal(await family.get({ id: 1 }), 2)
    open()
    t.equal(await first, 1)
  })
})

t.test('a lease whose answer was lost keeps nobody out', async t => {
  const { fleet, here, family } = opened()
  await family.get({ id: 2 })
  const gate = here.hold('acquire', 'answer')
  const reading = family.get({ id: 1 })
  await gate.reached
  here.faults.set('acquire', 'timeout')
  gate.open()
  t.equal(await reading, 1)
  t.strictSame(await fleet.store.identify('fleet:a:1'), ok({ kind: 'absent' }))
})

t.test('a read that waits is woken by what happens before it listens', async t => {
  const { here, source, family, elsewhere } = opened()
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  source.gate = gate
  const loading = elsewhere.get({ id: 1 })
  await turn()
  const held = here.hold('read', 'answer')
  const waiting = family.get({ id: 1 })
  await held.reached
  // The lease ends before this process knows that there is one.
  open()
  await loading
  await turn()
  const startedAtMs = performance.now()
  held.open()
  t.equal(await waiting, 1)
  t.ok(performance.now() - startedAtMs < 200)
  t.equal(source.loads, 1)
})

t.test('a read waits for one lease, not for every one that follows', async t => {
  const { fleet, source, family, elsewhere } = opened()
  const { promise: gate } = Promise.withResolvers<void>()
  source.gate = gate
  const leaving = new AbortController()
  void elsewhere.get({ id: 1 }, { signal: leaving.signal }).catch(() => undefined)
  await turn()
  source.gate = undefined
  const waiting = family.read({ id: 1 })
  await turn()
  // Gone, and somebody else's before the waiting read comes to it.
  leaving.abort()
  const token = randomId()
  void fleet.store.invalidate(['fleet:a:1'])
  void fleet.store.acquire('fleet:a:1', token, 60_000)
  t.strictSame(await waiting, { value: 1, status: 'miss' })
  t.match(await fleet.store.identify('fleet:a:1'), { value: { kind: 'lease', id: token } }, 'nothing was stored')
})

t.test('a read that always meets an invalid entry loads in the end', async t => {
  const { fleet, here, family } = opened()
  await family.get({ id: 2 })
  const bytes = Buffer.from('garbage')
  // Whenever it wants the lease, somebody has put another one there.
  const write = async () => {
    const token = randomId()
    await fleet.store.invalidate(['fleet:a:1'])
    await fleet.store.acquire('fleet:a:1', token, 1_000)
    await fleet.store.fill('fleet:a:1', token, { id: randomId(), bytes, ttlMs: 60_000 })
  }
  await write()
  const reading = family.read({ id: 1 })
  for (let attempts = 0; attempts < 3; attempts++) {
    const gate = here.hold('acquire', 'command')
    await gate.reached
    await write()
    gate.open()
  }
  t.strictSame(await reading, { value: 1, status: 'miss' })
  t.match(await fleet.store.read('fleet:a:1'), { value: { kind: 'entry', bytes } }, 'and stores nothing')
})

t.test('waiters look again by themselves when nobody tells them', async t => {
  const { feed, source, family, elsewhere } = opened()
  feed.cut()
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  source.gate = gate
  const loading = elsewhere.get({ id: 1 })
  await turn()
  const waiting = family.get({ id: 1 })
  await turn()
  const startedAtMs = performance.now()
  open()
  await loading
  t.equal(await waiting, 1)
  t.ok(performance.now() - startedAtMs < 1_500, 'long before the lease would have run out')
  t.equal(source.loads, 1)
})

t.test('a tag that memory has forgotten is looked up anew, and not believed by who asked for it before', async t => {
  const fleet = new MemoryFleet({ maxEntries: 300_000, maxBytes: 2 ** 30 })
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  let version = 1
  const tags = ({ id }: Id) => (id < 10 ? [`${id}`] : Array.from({ length: 55_000 }, (_, at) => `${id}-${at}`))
  const there = fleet.open()
  const elsewhere = there.cache.family<Id, number>(idsOf('a'), {
    tags,
    load: async ({ id }) => {
      if (id === 2) await gate
      return version
    }
  })
  // So that their tags are there, and reading them here makes none.
  for (const id of [1, 10, 11]) await elsewhere.get({ id })
  const loading = elsewhere.get({ id: 2 })
  const family = fleet.open().cache.family<Id, number>(idsOf('a'), { tags, load: () => version })
  for (let reads = 0; reads < 3; reads++) await family.get({ id: 1 })
  const waiting = family.get({ id: 2 })
  await turn()
  for (const id of [10, 11]) await family.get({ id })
  open()
  await loading
  t.equal(await waiting, 1)
  version = 2
  await there.cache.invalidateTags(['1', '2'])
  for (const id of [1, 2]) t.equal(await family.get({ id }), 2)
})

t.test('a read whose fence others have held is told all the same', async t => {
  const { here, source, family, elsewhere, known } = opened()
  await elsewhere.get({ id: 1 })
  await known(2)
  const gates = [here.hold('read', 'answer'), here.hold('read', 'answer')]
  const first = family.get({ id: 1 })
  await gates[0]?.reached
  source.version = 2
  await elsewhere.invalidate({ id: 1 })
  await elsewhere.get({ id: 1 })
  const second = family.get({ id: 1 })
  await gates[1]?.reached
  gates[0]?.open()
  await first
  source.version = 3
  await elsewhere.invalidate({ id: 1 })
  gates[1]?.open()
  await second
  t.equal(await family.get({ id: 1 }), 3)
})

t.test('a read that ends does not take its place from the one that came after it', async t => {
  const { here, family, elsewhere, known } = opened()
  await elsewhere.get({ id: 1 })
  await known(2)
  const gates = [here.hold('read', 'answer'), here.hold('read', 'answer')]
  const first = family.get({ id: 1 })
  await gates[0]?.reached
  await elsewhere.set({ id: 1 }, 7)
  const second = family.get({ id: 1 })
  await gates[1]?.reached
  gates[0]?.open()
  await first
  await turn()
  here.calls.length = 0
  const third = family.get({ id: 1 })
  await turn()
  t.strictSame(here.calls, [], 'it has joined the second')
  gates[1]?.open()
  t.strictSame(await Promise.all([second, third]), [7, 7])
})

t.test('what is known to be out of date is not asked for any more', async t => {
  const { here, there, source, family, known } = opened()
  await known(1)
  source.version = 2
  await there.cache.invalidateTags(['some'])
  await known(2)
  here.calls.length = 0
  t.equal(await family.get({ id: 1 }), 2)
  t.notOk(here.calls.includes('identify'))
})
