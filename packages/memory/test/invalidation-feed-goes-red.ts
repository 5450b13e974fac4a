// A suite that has never been red proves nothing: the feed is broken in every way that has a name below.
import { invalidationFeedConformance } from '@dashtam/cache-conformance'
import type { MemoryFencedStore, MemoryFencedStoreOptions } from '@dashtam/cache-memory'
import t from 'tap'
import { anyFails } from './fixtures/any-fails.ts'
import { importMutant, type Mutation } from './fixtures/mutant.ts'

type StoreModule = { readonly MemoryFencedStore: new (options: MemoryFencedStoreOptions) => MemoryFencedStore }

const FEED = 'memory-feed.ts'
const STORE = 'memory-fenced-store.ts'
const STATE = 'fenced-state.ts'
const SLOT = 'slot.ts'

const TELLS_SLOT = 'for (const listener of this.listeners) listener.slotChanged(key)'
const TELLS_GENERATION = 'for (const listener of this.listeners) listener.generationChanged(name)'

/** By what the title of a test begins with: how it is broken, and with what. */
const BREAKAGES: Readonly<Record<string, Readonly<Record<string, Mutation>>>> = {
  'slotChanged()': {
    'is silent about leases': [STATE, TELLS_SLOT, `if (state.kind !== 'lease') ${TELLS_SLOT}`],
    'is silent about entries': [STATE, TELLS_SLOT, `if (state.kind !== 'entry') ${TELLS_SLOT}`],
    'is silent about what is gone': [STATE, TELLS_SLOT, `if (state.kind !== 'absent') ${TELLS_SLOT}`],
    'is silent about what is closed': [STATE, TELLS_SLOT, `if (state.kind !== 'closed') ${TELLS_SLOT}`],
    'is silent about an invalidation that finds nothing': [
      SLOT,
      'return changed(emptied(writersOf(slotAt(state, nowMs)), nowMs, freshId, holdMs), undefined)',
      `const slot = slotAt(state, nowMs)
       if (slot.kind === 'absent' && holdMs === undefined) return unchanged(slot, undefined)
       return changed(emptied(writersOf(slot), nowMs, freshId, holdMs), undefined)`
    ],
    'is silent about an end that finds nothing': [
      SLOT,
      'return changed(emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs), false)',
      `if (slot.kind === 'absent' && holdMs === undefined) return unchanged(slot, false)
       return changed(emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs), false)`
    ],
    'tells something else than the key': [
      STATE,
      'listener.slotChanged(key)',
      "listener.slotChanged(key.split(':', 2).join(':'))"
    ],
    'tells generations': [FEED, 'listener.slotChanged(key)', 'listener.generationChanged(key)'],
    'tells one of many keys': [STATE, TELLS_SLOT, `if (!key.endsWith(':1999')) ${TELLS_SLOT}`],
    'tells one of many feeds': [
      STATE,
      TELLS_SLOT,
      'for (const listener of [...this.listeners].slice(0, 1)) listener.slotChanged(key)'
    ]
  },
  'generationChanged()': {
    'is silent about pending ones': [STATE, TELLS_GENERATION, `if (state.writers.length === 0) ${TELLS_GENERATION}`],
    'is silent about ordinary ones': [STATE, TELLS_GENERATION, `if (state.writers.length > 0) ${TELLS_GENERATION}`],
    'tells something else than the name': [
      STATE,
      'listener.generationChanged(name)',
      'listener.generationChanged(name.trim())'
    ],
    'tells slots': [FEED, 'listener.generationChanged(name)', 'listener.slotChanged(name)']
  },
  'nobody is told': {
    'but of reads': [STATE, 'return readSlot(', `${TELLS_SLOT}\n    return readSlot(`],
    'but of claims': [
      STORE,
      'this.#state.claims.set(key, token, durationMs)',
      `this.#state.claims.set(key, token, durationMs)\n    ${TELLS_SLOT.replace('this', 'this.#state')}`
    ],
    'but of what was refused': [
      STATE,
      'if (!isTold) return answer\n    if',
      `if (!isTold) ${TELLS_SLOT}\n    if (!isTold) return answer\n    if`
    ],
    'but of generations that are read': [
      STATE,
      'if (!isTold || state === undefined) return answer',
      'if (state === undefined) return answer'
    ]
  },
  'start()': {
    'says nothing': [FEED, 'listener.everythingChanged()', ''],
    'is trusted first': [
      FEED,
      'listener.everythingChanged()\n    this.trustedUntilMs = Infinity',
      'this.trustedUntilMs = Infinity\n    listener.everythingChanged()'
    ],
    'is not waited for': [FEED, 'trustedUntilMs = -Infinity\n\n', 'trustedUntilMs = Infinity\n\n'],
    'is not waited for by a barrier': [FEED, 'return this.trustedUntilMs === Infinity ? YES : NO', 'return YES']
  },
  trustedUntilMs: {
    'runs out': [
      FEED,
      'listener.everythingChanged()\n    this.trustedUntilMs = Infinity',
      'listener.everythingChanged()\n    this.trustedUntilMs = performance.now() + 300'
    ]
  },
  'barrier()': {
    'does not wait for slots': [STATE, 'listener.slotChanged(key)', 'setImmediate(() => listener.slotChanged(key))'],
    'does not wait for generations': [
      STATE,
      'listener.generationChanged(name)',
      'setImmediate(() => listener.generationChanged(name))'
    ],
    'does not trust itself': [FEED, 'return this.trustedUntilMs === Infinity ? YES : NO', 'return NO'],
    'is not one for each caller': [
      FEED,
      'return this.trustedUntilMs === Infinity ? YES : NO',
      'return this.#barriers % 100 ? YES : NO'
    ]
  },
  'stats()': {
    'counts no messages': [FEED, 'this.#messages++\n        listener.slotChanged', 'listener.slotChanged'],
    'counts no barriers': [FEED, 'this.#barriers++', ''],
    'says nothing of trust': [FEED, 'isTrusted: this.trustedUntilMs === Infinity', 'isTrusted: false']
  },
  'close()': {
    'goes on telling': [FEED, 'this.#listeners.delete(this.#told)', ''],
    'goes on being trusted': [FEED, 'this.trustedUntilMs = -Infinity', ''],
    'ends all feeds': [FEED, 'this.#listeners.delete(this.#told)', 'this.#listeners.clear()'],
    'throws before the start': [FEED, 'if (this.#told !== undefined)', 'if (this.#told.slotChanged)']
  }
}

for (const [subject, breakages] of Object.entries(BREAKAGES)) {
  for (const [how, mutation] of Object.entries(breakages)) {
    t.test(`${subject} that ${how} is noticed`, async t => {
      t.ok(await fails(mutation, title => title.startsWith(subject)))
    })
  }
}

async function fails(mutation: Mutation, isAbout: (title: string) => boolean): Promise<boolean> {
  const { MemoryFencedStore } = await importMutant<StoreModule>(STORE, mutation)
  const stores = new Map<string, MemoryFencedStore>()
  const tests: (() => Promise<void>)[] = []
  invalidationFeedConformance({
    test: (title, run) => isAbout(title) && tests.push(run),
    create: ({ keyspace }) => {
      const store = stores.get(keyspace) ?? new MemoryFencedStore({ keyspace })
      stores.set(keyspace, store)
      return { store, feed: store.openFeed() }
    }
  })
  return anyFails(tests)
}
