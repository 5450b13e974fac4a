// A suite that has never been red proves nothing: each operation is broken in every way that has a name below.
import { fencedStoreConformance } from '@dashtam/cache-conformance'
import type { MemoryFencedStoreOptions } from '@dashtam/cache-memory'
import type { FencedStore } from '@dashtam/cache-protocol'
import t from 'tap'
import { anyFails } from './fixtures/any-fails.ts'
import { importMutant, type Mutation } from './fixtures/mutant.ts'

type StoreModule = { readonly MemoryFencedStore: new (options: MemoryFencedStoreOptions) => FencedStore }

const SLOT = 'slot.ts'
const GENERATION = 'generation.ts'
const WRITERS = 'writers.ts'
const STORE = 'memory-fenced-store.ts'
const STATE = 'fenced-state.ts'

/** By operation: how it is broken, and with what. */
const BREAKAGES: Readonly<Record<string, Readonly<Record<string, Mutation>>>> = {
  read: {
    'finds entries whose time is over': [
      SLOT,
      'id, bytes, expiresAtMs: nowMs + ttlMs }',
      'id, bytes, expiresAtMs: Infinity }'
    ],
    'answers when an entry ends instead of how long it lives': [
      SLOT,
      'bytes: slot.bytes, remainingMs }',
      'bytes: slot.bytes, remainingMs: slot.expiresAtMs }'
    ],
    'hands out bytes that the caller still has': [STORE, 'bytes: new Uint8Array(entry.bytes)', 'bytes: entry.bytes'],
    'hands out bytes of a Buffer that the caller still has': [
      STORE,
      'bytes: new Uint8Array(entry.bytes)',
      'bytes: entry.bytes.slice()'
    ],
    'mixes up keys that look alike': [STATE, 'this.#slots.set(key,', "this.#slots.set(key.normalize('NFC'),"]
  },
  readMany: {
    'answers in another order': [
      STORE,
      'ok(keys.map(key => this.#state.read(key)))',
      'ok(keys.toReversed().map(key => this.#state.read(key)))'
    ],
    'answers a repeated key once': [STORE, 'ok(keys.map(key', 'ok([...new Set(keys)].map(key'],
    'leaves out what is absent': [
      STORE,
      'ok(keys.map(key => this.#state.read(key)))',
      "ok(keys.map(key => this.#state.read(key)).filter(({ kind }) => kind !== 'absent'))"
    ]
  },
  identify: {
    'hands out the bytes': [STORE, "ok(slot.kind === 'entry' ? {", "ok(slot.kind === 'never' ? {"],
    'forgets the lifetime': [STORE, 'id: slot.id, remainingMs: slot.remainingMs }', 'id: slot.id, remainingMs: 0 }']
  },
  acquire: {
    'takes the place of any entry': [SLOT, "(slot.kind === 'entry' && slot.id === unlessId)", "slot.kind === 'entry'"],
    'takes the place of no entry': [SLOT, "|| (slot.kind === 'entry' && slot.id === unlessId)", ''],
    'takes the place of a lease': [
      SLOT,
      "const isFree = slot.kind === 'absent'",
      "const isFree = slot.kind === 'absent' || slot.kind === 'lease'"
    ],
    'takes the place of a closed slot': [
      SLOT,
      "const isFree = slot.kind === 'absent'",
      "const isFree = slot.kind === 'absent' || slot.kind === 'closed'"
    ],
    'takes the place of a closed slot of that id': [
      SLOT,
      "(slot.kind === 'entry' && slot.id === unlessId)",
      "('id' in slot && slot.id === unlessId)"
    ],
    'takes the place of a lease of that id': [
      SLOT,
      "(slot.kind === 'entry' && slot.id === unlessId)",
      '((slot.id ?? slot.token) === unlessId)'
    ],
    'wants the entry that it is told of': [
      SLOT,
      "const isFree = slot.kind === 'absent'",
      "const isFree = (slot.kind === 'absent' && unlessId === undefined)"
    ],
    'answers what was there before': [
      SLOT,
      'changed(lease, readSlot(lease, nowMs))',
      'changed(lease, readSlot(slot, nowMs))'
    ],
    'gives leases without end': [
      SLOT,
      "const lease: SlotState = { kind: 'lease', token, expiresAtMs: nowMs + durationMs }",
      "const lease: SlotState = { kind: 'lease', token, expiresAtMs: Infinity }"
    ],
    'looks first and takes later': [
      STORE,
      'unlessId?: string): Promise<Result<Slot>> {',
      `unlessId?: string): Promise<Result<Slot>> {
       const before = this.#state.step(key, state => ({ state, answer: state, isTold: false }))
       await null
       return ok(this.#state.step(key, (_, nowMs) => slots.acquire(before, nowMs, token, durationMs, unlessId)))`
    ]
  },
  renew: {
    'does not look at the token': [
      SLOT,
      'if (!isLeaseOf(slot, token)) return unchanged(slot, false)',
      "if (slot.kind !== 'lease') return unchanged(slot, false)"
    ],
    'takes the id of an entry': [
      SLOT,
      'if (!isLeaseOf(slot, token)) return unchanged(slot, false)',
      'if (!isLeaseOf(slot, token) && slot.id !== token) return unchanged(slot, false)'
    ],
    'brings back a lease that is over': [
      SLOT,
      'if (!isLeaseOf(slot, token)) return unchanged(slot, false)',
      "if (!isLeaseOf(slot, token) && slot.kind !== 'absent') return unchanged(slot, false)"
    ],
    'adds to the duration': [
      SLOT,
      "return changed({ kind: 'lease', token, expiresAtMs: nowMs + durationMs }, true)",
      "return changed({ kind: 'lease', token, expiresAtMs: slot.expiresAtMs + durationMs }, true)"
    ],
    'does nothing': [
      SLOT,
      "return changed({ kind: 'lease', token, expiresAtMs: nowMs + durationMs }, true)",
      'return changed(slot, true)'
    ]
  },
  release: {
    'does not look at the token': [
      SLOT,
      'return isLeaseOf(slot, token) ? changed(ABSENT, true)',
      "return slot.kind === 'lease' ? changed(ABSENT, true)"
    ],
    'releases what is closed': [
      SLOT,
      'return isLeaseOf(slot, token) ? changed(ABSENT, true)',
      "return isLeaseOf(slot, token) || slot.kind === 'closed' ? changed(ABSENT, true)"
    ],
    'removes an entry by its id': [
      SLOT,
      'return isLeaseOf(slot, token) ? changed(ABSENT, true)',
      'return isLeaseOf(slot, token) || slot.id === token ? changed(ABSENT, true)'
    ],
    'keeps the lease': [
      SLOT,
      'changed(ABSENT, true) : unchanged(slot, false)',
      'changed(slot, true) : unchanged(slot, false)'
    ]
  },
  fill: {
    'does not look at the token': [
      SLOT,
      'return isLeaseOf(slot, token) ? changed(stored(entry, nowMs), true)',
      "return slot.kind === 'lease' ? changed(stored(entry, nowMs), true)"
    ],
    'stores where nothing is': [
      SLOT,
      'return isLeaseOf(slot, token) ? changed(stored(entry, nowMs), true)',
      "return isLeaseOf(slot, token) || slot.kind === 'absent' ? changed(stored(entry, nowMs), true)"
    ],
    'stores in a closed slot': [
      SLOT,
      'return isLeaseOf(slot, token) ? changed(stored(entry, nowMs), true)',
      "return isLeaseOf(slot, token) || slot.kind === 'closed' ? changed(stored(entry, nowMs), true)"
    ],
    'replaces an entry': [
      SLOT,
      'return isLeaseOf(slot, token) ? changed(stored(entry, nowMs), true)',
      "return isLeaseOf(slot, token) || slot.kind === 'entry' ? changed(stored(entry, nowMs), true)"
    ],
    'gives entries the lifetime of the lease': [
      SLOT,
      'id, bytes, expiresAtMs: nowMs + ttlMs }',
      'id, bytes, expiresAtMs: nowMs + 100 }'
    ],
    'gives entries an id of its own': [STORE, '{ ...entry, bytes', '{ ...entry, id: randomId(), bytes']
  },
  refresh: {
    'does not look at the id': [SLOT, "slot.kind !== 'entry' || slot.id !== id", "slot.kind !== 'entry'"],
    'stores where nothing is': [
      SLOT,
      "if (slot.kind !== 'entry' || slot.id !== id)",
      "if (slot.kind !== 'absent' && (slot.kind !== 'entry' || slot.id !== id))"
    ],
    'takes the id of a closed slot': [SLOT, "if (slot.kind !== 'entry' || slot.id !== id)", 'if (slot.id !== id)'],
    'keeps the lifetime': [
      SLOT,
      "if (slot.kind !== 'entry' || slot.id !== id) return unchanged(slot, false)\n  return changed(stored(entry, nowMs), true)",
      "if (slot.kind !== 'entry' || slot.id !== id) return unchanged(slot, false)\n  return changed({ ...slot, id: entry.id, bytes: entry.bytes }, true)"
    ],
    'is no step': [
      STORE,
      'return refused ?? ok(this.#state.step(key, (slot, nowMs) => slots.refresh(slot, nowMs, id, copied(entry))))',
      `if (refused) return refused
       const before = this.#state.step(key, state => ({ state, answer: state, isTold: false }))
       await null
       return ok(this.#state.step(key, (_, nowMs) => slots.refresh(before, nowMs, id, copied(entry))))`
    ]
  },
  claim: {
    'is given to everybody': [STORE, 'claimed !== undefined && claimed !== token', 'false'],
    'is not kept by who has it': [STORE, 'claimed !== undefined && claimed !== token', 'claimed !== undefined'],
    'is not given a new duration': [
      STORE,
      'this.#state.claims.set(key, token, durationMs)',
      'if (claimed === undefined) this.#state.claims.set(key, token, durationMs)'
    ],
    'never ends': [
      STORE,
      'this.#state.claims.set(key, token, durationMs)',
      'this.#state.claims.set(key, token, Infinity)'
    ],
    'is given a new duration by others': [
      STORE,
      'if (claimed !== undefined && claimed !== token) return ok(false)',
      `if (claimed !== undefined && claimed !== token) {
         this.#state.claims.expire(key, durationMs)
         return ok(false)
       }`
    ],
    'is gone with the slot': [
      STORE,
      'const freshId = this.#createId()\n      this.#state.step(key,',
      'const freshId = this.#createId()\n      this.#state.claims.delete(key)\n      this.#state.step(key,'
    ]
  },
  unclaim: {
    'does not look at the token': [
      STORE,
      'this.#state.claims.get(key) === token && this.#state.claims.delete(key)',
      'this.#state.claims.delete(key)'
    ],
    'does nothing': [
      STORE,
      'this.#state.claims.get(key) === token && this.#state.claims.delete(key)',
      'this.#state.claims.get(key) === token'
    ]
  },
  invalidate: {
    'deletes a closed slot': [
      SLOT,
      'changed(emptied(writersOf(slotAt(state, nowMs)), nowMs, freshId, holdMs), undefined)',
      'changed(emptied([], nowMs, freshId, holdMs), undefined)'
    ],
    'leaves a closed slot as it is': [
      SLOT,
      'return changed(emptied(writersOf(slotAt(state, nowMs)), nowMs, freshId, holdMs), undefined)',
      `const slot = slotAt(state, nowMs)
       return changed(slot.kind === 'closed' ? slot : emptied([], nowMs, freshId, holdMs), undefined)`
    ],
    'lets the writer of a closed slot store': [
      SLOT,
      'return changed(emptied(writersOf(slotAt(state, nowMs)), nowMs, freshId, holdMs), undefined)',
      `const slot = slotAt(state, nowMs)
       const next = emptied(writersOf(slot), nowMs, freshId, holdMs)
       return changed({ ...next, storer: slot.storer }, undefined)`
    ],
    'keeps the id of a closed slot': [
      SLOT,
      'return changed(emptied(writersOf(slotAt(state, nowMs)), nowMs, freshId, holdMs), undefined)',
      `const slot = slotAt(state, nowMs)
       return changed(emptied(writersOf(slot), nowMs, slot.id ?? freshId, holdMs), undefined)`
    ],
    'spares leases': [
      SLOT,
      'return changed(emptied(writersOf(slotAt(state, nowMs)), nowMs, freshId, holdMs), undefined)',
      `const slot = slotAt(state, nowMs)
       return changed(slot.kind === 'lease' ? slot : emptied(writersOf(slot), nowMs, freshId, holdMs), undefined)`
    ],
    'does not hold': [SLOT, 'const held = holdMs === undefined ? writers :', 'const held = true ? writers :'],
    'holds only what was absent': [
      SLOT,
      'const held = holdMs === undefined ? writers :',
      'const held = holdMs === undefined || writers.length > 0 ? writers :'
    ],
    'lets a short hold end a long one': [SLOT, 'Math.max(untilMs, present?.deadlineMs ?? untilMs)', 'untilMs'],
    'does not let a long hold outlast a short one': [
      SLOT,
      'Math.max(untilMs, present?.deadlineMs ?? untilMs)',
      'present?.deadlineMs ?? untilMs'
    ],
    'holds for a time of its own': [SLOT, 'withHold(writers, nowMs + holdMs)', 'withHold(writers, nowMs + 1_000)'],
    'adds up holds': [
      SLOT,
      'Math.max(untilMs, present?.deadlineMs ?? untilMs)',
      '(present === undefined ? untilMs : present.deadlineMs + 1)'
    ],
    'takes the first key only': [STORE, 'for (const key of keys) {', 'for (const key of keys.slice(0, 1)) {'],
    'takes a thousand keys at most': [STORE, 'for (const key of keys) {', 'for (const key of keys.slice(0, 1_000)) {'],
    'gives all slots one id': [
      STORE,
      'const freshId = this.#createId()\n      this.#state.step(key,',
      "const freshId = 'x'.repeat(22)\n      this.#state.step(key,"
    ],
    'passes over a bad key': [
      STORE,
      "const refused = this.#refuses('invalidate', keys, { holdMs })",
      "const refused = this.#refuses('invalidate', keys.slice(0, 1), { holdMs })"
    ]
  },
  beginWrite: {
    'shows its token': [
      SLOT,
      "{ kind: 'closed', id: freshId, writers, storer }",
      "{ kind: 'closed', id: token, writers, storer }"
    ],
    'keeps the id of a closed slot': [
      SLOT,
      "{ kind: 'closed', id: freshId, writers, storer }",
      "{ kind: 'closed', id: state.id ?? freshId, writers, storer }"
    ],
    'forgets the other writers': [
      SLOT,
      'withWriter(others, token, nowMs + durationMs)\n  return changed({ kind',
      'withWriter([], token, nowMs + durationMs)\n  return changed({ kind'
    ],
    'lets who begins twice store': [
      SLOT,
      'others.length === 0 ? token',
      'others.every(other => other.token === token) ? token'
    ],
    'lasts as long as its first writer': [WRITERS, 'Math.max(...writers', 'Math.min(...writers'],
    'spares an entry': [
      SLOT,
      "return changed({ kind: 'closed', id: freshId, writers, storer }, undefined)",
      "return state.kind === 'entry' ? changed(state, undefined) : changed({ kind: 'closed', id: freshId, writers, storer }, undefined)"
    ]
  },
  renewWrite: {
    'does not look at deadlines': [
      WRITERS,
      '? writers\n    : writers.filter(({ deadlineMs }) => nowMs < deadlineMs)',
      '? writers : writers'
    ],
    'leaves the old deadline beside the new one': [
      WRITERS,
      '[...withoutWriter(writers, token), { token',
      '[...writers, { token'
    ],
    'changes the id': [
      SLOT,
      'return changed({ ...slot, writers: withWriter(slot.writers',
      "return changed({ ...slot, id: 'x'.repeat(22), writers: withWriter(slot.writers"
    ],
    'keeps the writer from storing': [
      SLOT,
      'return changed({ ...slot, writers: withWriter(slot.writers',
      'return changed({ ...slot, storer: undefined, writers: withWriter(slot.writers'
    ],
    'does not look at the token': [
      SLOT,
      "slot.kind !== 'closed' || !hasWriter(slot.writers, token)",
      "slot.kind !== 'closed'"
    ],
    'brings back a write that is over': [
      SLOT,
      "if (slot.kind !== 'closed' || !hasWriter(slot.writers, token)) return unchanged(slot, false)",
      "if (slot.kind !== 'closed') return changed({ kind: 'closed', id: token, writers: [{ token, deadlineMs: nowMs + durationMs }] }, true)"
    ],
    'joins a closed slot': [
      SLOT,
      "if (slot.kind !== 'closed' || !hasWriter(slot.writers, token)) return unchanged(slot, false)",
      "if (slot.kind !== 'closed' || !(hasWriter(slot.writers, token) || hasWriter(state.writers, token))) return unchanged(slot, false)"
    ],
    'lets all of them last longer': [
      SLOT,
      'withWriter(slot.writers, token, nowMs + durationMs) }, true)',
      'slot.writers.map(writer => ({ ...writer, deadlineMs: nowMs + durationMs })) }, true)'
    ],
    'does not shorten': [
      SLOT,
      'withWriter(slot.writers, token, nowMs + durationMs) }, true)',
      'withWriter(slot.writers, token, Math.max(nowMs + durationMs, lastDeadlineMs(slot.writers))) }, true)'
    ],
    'does nothing': [
      SLOT,
      'return changed({ ...slot, writers: withWriter(slot.writers, token, nowMs + durationMs) }, true)',
      'return changed(slot, true)'
    ]
  },
  endWrite: {
    'stores although another writer met it': [
      SLOT,
      'slot.storer === token) return changed',
      'slot.writers.length === 1 && hasWriter(slot.writers, token)) return changed'
    ],
    'stores although others are still in it': [
      SLOT,
      'slot.storer === token) return changed',
      'hasWriter(slot.writers, token)) return changed'
    ],
    'stores without having begun': [
      SLOT,
      "slot.kind === 'closed' && slot.storer === token",
      "(slot.kind !== 'closed' || slot.storer === token)"
    ],
    'never stores': [SLOT, 'slot.storer === token) return changed', 'false) return changed'],
    'says that it has stored': [
      SLOT,
      'changed(emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs), false)',
      'changed(emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs), entry !== undefined)'
    ],
    'opens the slot although others are in it': [
      SLOT,
      'emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs)',
      'emptied([], nowMs, freshId, holdMs)'
    ],
    'leaves its writer in the slot': [
      SLOT,
      'emptied(withoutWriter(writersOf(slot), token), nowMs',
      'emptied(writersOf(slot), nowMs'
    ],
    'spares what it does not know': [
      SLOT,
      'return changed(emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs), false)',
      `if (!hasWriter(writersOf(slot), token)) return unchanged(slot, false)
       return changed(emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs), false)`
    ],
    'keeps the id while others are in it': [
      SLOT,
      'emptied(withoutWriter(writersOf(slot), token), nowMs, freshId',
      'emptied(withoutWriter(writersOf(slot), token), nowMs, slot.id'
    ],
    'lets the last one store': [
      SLOT,
      'return changed(emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs), false)',
      `const next = emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs)
       return changed(next.kind === 'closed' && next.writers.length === 1 ? { ...next, storer: next.writers[0].token } : next, false)`
    ],
    'lets a writer store whom nobody else has ended': [
      SLOT,
      'return changed(emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs), false)',
      `const next = emptied(withoutWriter(writersOf(slot), token), nowMs, freshId, holdMs)
       return changed({ ...next, storer: slot.storer }, false)`
    ],
    'forgets to hold': [STORE, '{ entry: kept, holdMs }', '{ entry: kept }'],
    'takes the id of a closed slot for a writer': [
      SLOT,
      'emptied(withoutWriter(writersOf(slot), token), nowMs',
      'emptied(slot.id === token ? [] : withoutWriter(writersOf(slot), token), nowMs'
    ]
  },
  readGenerations: {
    'makes a new one each time': [
      GENERATION,
      'if (state === undefined) return settled(moved(state, [], freshId))',
      'if (state === undefined || state.writers.length === 0) return settled(moved(state, [], freshId))'
    ],
    'does not keep what it makes': [
      GENERATION,
      'if (state === undefined) return settled(moved(state, [], freshId))',
      'if (state === undefined) return unchanged(state, { id: freshId, isPending: false })'
    ],
    'makes one for all': [
      STORE,
      'return this.#state.stepGeneration(name, (generation, nowMs) => step(generation, nowMs, freshId))',
      "return this.#state.stepGeneration('all', (generation, nowMs) => step(generation, nowMs, freshId))"
    ],
    'answers a repeated name once': [STORE, 'given.names.map(name => {', '[...new Set(given.names)].map(name => {']
  },
  bumpGenerations: {
    'takes the first only': [
      STORE,
      "'bump', { names }, generations.bump",
      "'bump', { names: names.slice(0, 1) }, generations.bump"
    ],
    'forgets the writers': [
      GENERATION,
      'changed(moved(state, aliveIn(state, nowMs), freshId), undefined)\n}\n\nexport function begin',
      'changed(moved(state, [], freshId), undefined)\n}\n\nexport function begin'
    ],
    'leaves a pending one as it is': [
      GENERATION,
      'changed(moved(state, aliveIn(state, nowMs), freshId), undefined)\n}\n\nexport function begin',
      'changed(state?.writers.length > 0 ? state : moved(state, [], freshId), undefined)\n}\n\nexport function begin'
    ]
  },
  beginGenerationWrite: {
    'leaves the id': [
      GENERATION,
      'return changed(moved(state, writers, freshId), undefined)',
      'return changed(moved(state, writers, state?.id ?? freshId), undefined)'
    ],
    'forgets the other writers': [
      GENERATION,
      'withWriter(aliveIn(state, nowMs), token, nowMs + durationMs)',
      'withWriter([], token, nowMs + durationMs)'
    ],
    'is not pending': [GENERATION, 'isPending: true }', 'isPending: false }'],
    'lasts for ever': [
      GENERATION,
      'withWriter(aliveIn(state, nowMs), token, nowMs + durationMs)',
      'withWriter(aliveIn(state, nowMs), token, Infinity)'
    ],
    'keeps its id when its time is over': [
      GENERATION,
      'if (state.writers.length > 0) return settled(moved(state, [], freshId))',
      'if (state.writers.length > 0) return settled(moved(state, [], state.id))'
    ],
    'gets another id with each read when its time is over': [
      GENERATION,
      'if (state.writers.length > 0) return settled(moved(state, [], freshId))',
      'if (state.writers.length > 0) return unchanged(state, { id: freshId, isPending: false })'
    ]
  },
  renewGenerationWrite: {
    'changes the id': [
      GENERATION,
      'return changed({ ...state, writers: withWriter(writers, token',
      "return changed({ ...state, id: 'x'.repeat(22), writers: withWriter(writers, token"
    ],
    'does nothing': [
      GENERATION,
      'return changed({ ...state, writers: withWriter(writers, token, nowMs + durationMs) }, true)',
      'return changed(state, true)'
    ],
    'does not look at the token': [
      GENERATION,
      'state === undefined || !hasWriter(writers, token)',
      'state === undefined'
    ],
    'brings back a write that is over': [GENERATION, '!hasWriter(writers, token)', '!hasWriter(state.writers, token)'],
    'says yes when one of them goes on': [STORE, 'ok(renewed.every(Boolean))', 'ok(renewed.some(Boolean))'],
    'says yes when the first of them goes on': [STORE, 'ok(renewed.every(Boolean))', 'ok(renewed[0] ?? true)']
  },
  endGenerationWrite: {
    'leaves its writer': [GENERATION, 'withoutWriter(aliveIn(state, nowMs), token)', 'aliveIn(state, nowMs)'],
    'ends all writes': [GENERATION, 'withoutWriter(aliveIn(state, nowMs), token)', '[]'],
    'leaves one that has forgotten the write': [
      GENERATION,
      'return changed(moved(state, withoutWriter(aliveIn(state, nowMs), token), freshId), undefined)',
      `if (!hasWriter(aliveIn(state, nowMs), token)) return unchanged(state, undefined)
       return changed(moved(state, withoutWriter(aliveIn(state, nowMs), token), freshId), undefined)`
    ]
  },
  bumpOnce: {
    'changes it each time': [GENERATION, 'if (onRecord.includes(occasion)) return unchanged(state, false)', ''],
    'remembers the last only': [GENERATION, 'slice(-MAX_OCCASIONS)', 'slice(-1)'],
    'remembers 63': [GENERATION, 'MAX_OCCASIONS = 64', 'MAX_OCCASIONS = 63'],
    'does not know what it continues': [GENERATION, 'onRecord.includes(continues)', 'false'],
    'takes it for a continuation whatever is on record': [GENERATION, '&& onRecord.includes(continues)', ''],
    'does not record a continuation': [
      GENERATION,
      'return changed({ ...state, occasions }, false)',
      'return changed(state, false)'
    ],
    'says that a continuation has changed it': [
      GENERATION,
      'return changed({ ...state, occasions }, false)',
      'return changed({ ...state, occasions }, true)'
    ],
    'forgets the writers': [
      GENERATION,
      '{ ...moved(state, aliveIn(state, nowMs), freshId), occasions }',
      '{ ...moved(state, [], freshId), occasions }'
    ],
    'is forgotten with a bump': [GENERATION, 'occasions: state?.occasions ?? []', 'occasions: []'],
    'is no step': [
      STORE,
      'const freshId = this.#createId()\n    return ok(\n      this.#state.stepGeneration(name, (generation, nowMs) =>\n        generations.bumpOnce(generation',
      'const freshId = this.#createId()\n    const before = this.#state.stepGeneration(name, state => ({ state, answer: state, isTold: false }))\n    await null\n    return ok(\n      this.#state.stepGeneration(name, (_, nowMs) =>\n        generations.bumpOnce(before'
    ]
  },
  onServerChange: {
    'tells nobody': [STORE, "listener({ kind: 'connected', server: this.#server })", ''],
    'takes the first server for another': [STORE, "kind: 'connected', server", "kind: 'restarted', server"]
  }
}

const ARGUMENTS = '../../protocol/src/adapter/fenced-arguments.ts'

/** Broken arguments are noticed in every operation. */
const UNCHECKED: Readonly<Record<string, Mutation>> = {
  keys: [STORE, 'const refused = this.#guard.keys(operation, keys)', 'const refused = undefined'],
  tokens: [ARGUMENTS, "if ('token' in given && !isId(token))", 'if (false)'],
  'the token that nobody has': [ARGUMENTS, '{21}[A-Za-z0-9_]$/', '{22}$/'],
  durations: [ARGUMENTS, "if ('durationMs' in given && !isDuration(durationMs))", 'if (false)'],
  'fractions of a millisecond': [ARGUMENTS, 'Number.isSafeInteger(ms)', 'Number.isFinite(ms)'],
  holds: [ARGUMENTS, 'if (holdMs !== undefined && !isDuration(holdMs))', 'if (false)'],
  'the id of an entry': [ARGUMENTS, 'if (!isId(id))', 'if (false)'],
  'the bytes of an entry': [ARGUMENTS, 'if (!(bytes instanceof Uint8Array))', 'if (false)'],
  'the lifetime of an entry': [ARGUMENTS, 'ttlMs === Infinity || isDuration(ttlMs)', 'true'],
  'an entry together with a hold': [ARGUMENTS, 'if (holdMs !== undefined && entry !== undefined)', 'if (false)']
}

for (const [operation, breakages] of Object.entries(BREAKAGES)) {
  for (const [how, mutation] of Object.entries(breakages)) {
    t.test(`${operation}() that ${how} is noticed`, async t => {
      t.ok(await fails(mutation, title => title.startsWith(`${operation}()`)))
    })
  }
}

for (const [what, mutation] of Object.entries(UNCHECKED)) {
  t.test(`${what} that nobody checks are noticed`, async t => {
    t.ok(await fails(mutation, title => title.includes(' refuses ')))
  })
}

t.test('every operation is broken at least once', async t => {
  const { MemoryFencedStore } = await import('@dashtam/cache-memory')
  const others = ['constructor', 'isReachable', 'openFeed', 'close', 'stats']
  const all = Object.getOwnPropertyNames(MemoryFencedStore.prototype).filter(name => !others.includes(name))
  t.strictSame(Object.keys(BREAKAGES).sort(), all.sort())
})

/** Whether one of these tests fails on a store with this mutation. */
async function fails(mutation: Mutation, isAbout: (title: string) => boolean): Promise<boolean> {
  const { MemoryFencedStore } = await importMutant<StoreModule>(STORE, mutation)
  let nowMs = 1_000_000
  const stores = new Map<string, FencedStore>()
  const tests: (() => Promise<void>)[] = []
  fencedStoreConformance({
    test: (title, run) => isAbout(title) && tests.push(run),
    create: ({ keyspace }) => {
      const store = stores.get(keyspace) ?? new MemoryFencedStore({ keyspace, clock: () => nowMs })
      stores.set(keyspace, store)
      return { store }
    },
    advance: async milliseconds => {
      nowMs += milliseconds
    }
  })
  return anyFails(tests)
}
