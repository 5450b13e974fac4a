// A suite that has never been red proves nothing: the index is broken in every way that has a name below.
import { memberIndexConformance } from '@dashtam/cache-conformance'
import type { MemoryMemberIndex, MemoryMemberIndexOptions } from '@dashtam/cache-memory'
import t from 'tap'
import { anyFails } from './fixtures/any-fails.ts'
import { importMutant, type Mutation } from './fixtures/mutant.ts'

type Module = { readonly MemoryMemberIndex: new (options: MemoryMemberIndexOptions) => MemoryMemberIndex }

const INDEX = 'memory-member-index.ts'
const MEMBER = '../../protocol/src/adapter/member.ts'

const BREAKAGES: Readonly<Record<string, Mutation>> = {
  'a member that takes the place of the others': [INDEX, 'this.#live(owner).set(', 'new Map<string, number>().set('],
  'members that never end': [INDEX, 'if (endsAtMs <= nowMs)', 'if (false)'],
  'a member that keeps its first time': [
    INDEX,
    'this.#live(owner).set(member, ',
    'this.#live(owner).set(member, this.#live(owner).get(member) ?? '
  ],
  'an owner that ends with its first member': [INDEX, 'Math.max(endsAtMs, each)', 'endsAtMs || each'],
  'members in the order of their coming': [INDEX, 'endsA - endsB', '0'],
  'members that end first come last': [INDEX, 'endsA - endsB', 'endsB - endsA'],
  'one that is removed twice counts twice': [
    INDEX,
    'const removed = all.filter(member => live.delete(member)).length',
    'const removed = [...members].filter(member => live.has(member)).length\n    for (const member of all) live.delete(member)'
  ],
  'what was not there counts': [
    INDEX,
    '.filter(member => live.delete(member)).length',
    '.map(member => live.delete(member)).length'
  ],
  'removed members that stay': [
    INDEX,
    'all.filter(member => live.delete(member))',
    'all.filter(member => live.has(member))'
  ],
  'cleared members that stay': [INDEX, 'this.#owners.delete(owner)\n    return ok(size)', 'return ok(size)'],
  'cleared members that nobody counts': [INDEX, 'return ok(size)', 'return ok(1)'],
  'a member that is lost when two come at once': [
    INDEX,
    'this.#put(owner, this.#live(owner).set(member, this.#clock() + ttlMs.value))',
    'const live = new Map(this.#live(owner))\n    await null\n    this.#put(owner, live.set(member, this.#clock() + ttlMs.value))'
  ],
  'owners that nobody checks': [
    INDEX,
    'const refused = this.#guard.key(operation, owner)',
    'const refused = undefined'
  ],
  'members that nobody checks': [
    INDEX,
    'const problem = members.map(problemOfMember).find(Boolean)',
    'const problem = undefined'
  ],
  'lifetimes that nobody checks': [
    INDEX,
    "const ttlMs = this.#guard.explicitTtlMs('addMember', ttlSeconds)",
    'const ttlMs = ok(ttlSeconds * 1_000)'
  ],
  'a shorter member than the longest': [MEMBER, 'const MAX_MEMBER_LENGTH = 1_024', 'const MAX_MEMBER_LENGTH = 1_023'],
  'a longer member than the longest': [MEMBER, 'const MAX_MEMBER_LENGTH = 1_024', 'const MAX_MEMBER_LENGTH = 1_025'],
  'lone surrogates': [MEMBER, 'member.isWellFormed()', 'true']
}

for (const [what, mutation] of Object.entries(BREAKAGES)) {
  t.test(`${what}: is noticed`, async t => {
    t.ok(await fails(mutation))
  })
}

async function fails(mutation: Mutation): Promise<boolean> {
  const { MemoryMemberIndex } = await importMutant<Module>(INDEX, mutation)
  let nowMs = 1_000_000
  const tests: (() => Promise<void>)[] = []
  memberIndexConformance({
    test: (_, run) => tests.push(run),
    create: ({ keyspace }) => ({ index: new MemoryMemberIndex({ keyspace, clock: () => nowMs }) }),
    advance: async milliseconds => {
      nowMs += milliseconds
    }
  })
  return anyFails(tests)
}
