// A suite that has never been red proves nothing: the buckets are broken in every way that has a name below.
import { tokenBucketConformance } from '@dashtam/cache-conformance'
import type { MemoryTokenBucket, MemoryTokenBucketOptions } from '@dashtam/cache-memory'
import t from 'tap'
import { anyFails } from './fixtures/any-fails.ts'
import { importMutant, type Mutation } from './fixtures/mutant.ts'

type Module = { readonly MemoryTokenBucket: new (options: MemoryTokenBucketOptions) => MemoryTokenBucket }

const BUCKETS = 'memory-token-bucket.ts'
const TERMS = '../../protocol/src/adapter/token-terms.ts'

const BREAKAGES: Readonly<Record<string, Mutation>> = {
  'a token more than there is': [BUCKETS, 'afterUs > terms.capacityUs', 'missingUs > terms.capacityUs'],
  'a refusal that takes': [
    BUCKETS,
    'if (afterUs > terms.capacityUs) return ok(',
    'if (afterUs > terms.capacityUs) this.#put(key, afterUs)\n    if (afterUs > terms.capacityUs) return ok('
  ],
  'tokens that are given to two': [
    BUCKETS,
    'const afterUs = missingUs + terms.costUs',
    'const afterUs = missingUs + terms.costUs\n    await null'
  ],
  'a look that takes': [
    BUCKETS,
    'return ok(tokenState(missingUs + terms.costUs <=',
    'this.#put(key, missingUs + terms.costUs)\n    return ok(tokenState(missingUs + terms.costUs <='
  ],
  'a look that always allows': [BUCKETS, 'missingUs + terms.costUs <= terms.capacityUs', 'true'],
  'a bucket that does not fill': [BUCKETS, 'Math.max(0, fullAtUs - this.#clock() * 1_000)', 'fullAtUs'],
  'a bucket that fills beyond its rim': [BUCKETS, 'Math.max(0, fullAtUs - this', '(fullAtUs - this'],
  'a bucket that is emptier than empty': [BUCKETS, 'Math.min(capacityUs, Math', 'Math.max(0, Math'],
  'nothing is given back': [BUCKETS, 'this.#missingUs(key, capacityUs) - costUs', 'this.#missingUs(key, capacityUs)'],
  'all is given back': [BUCKETS, 'this.#missingUs(key, capacityUs) - costUs', '0'],
  'a reset that resets nothing': [BUCKETS, 'ok(this.#buckets.delete(key))', 'ok(this.#buckets.has(key))'],
  'one bucket for all': [BUCKETS, 'this.#buckets.get(key)', "this.#buckets.get('')"],
  'a bucket that is never forgotten': [BUCKETS, ', missingUs / 1_000)', ', Infinity)'],
  'keys that nobody checks': [BUCKETS, 'const refused = this.#guard.key(operation, key)', 'const refused = undefined'],
  'limits that nobody checks': [BUCKETS, 'const problem = problemOfTokens(limit, cost)', 'const problem = undefined'],
  'capacities that nobody checks': [TERMS, 'if (!isIntegerUpTo(capacity, MAX_CAPACITY))', 'if (false)'],
  'costs that nobody checks': [TERMS, 'if (!isIntegerUpTo(cost, capacity))', 'if (false)'],
  'a token that is worth too little': [
    TERMS,
    'Math.ceil(exactMs * (1 - FLOATING_POINT_ERROR))',
    'Math.floor(exactMs / 2)'
  ],
  'a small token that is rounded far': [TERMS, 'wholeMs <= exactMs * (1 + ROUNDING)', 'true'],
  'too many left': [
    TERMS,
    'Math.floor((capacityUs - missingUs) / tokenUs)',
    'Math.ceil((capacityUs - missingUs) / tokenUs) + 1'
  ],
  'a retry that is too early': [TERMS, 'Math.ceil(lackingUs / 1_000)', '0'],
  'a time until full that is that of one token': [TERMS, 'Math.ceil(missingUs / 1_000)', 'Math.ceil(tokenUs / 1_000)']
}

for (const [what, mutation] of Object.entries(BREAKAGES)) {
  t.test(`${what}: is noticed`, async t => {
    t.ok(await fails(mutation))
  })
}

async function fails(mutation: Mutation): Promise<boolean> {
  const { MemoryTokenBucket } = await importMutant<Module>(BUCKETS, mutation)
  let nowMs = 1_000_000
  const opened = new Map<string, MemoryTokenBucket>()
  const tests: (() => Promise<void>)[] = []
  tokenBucketConformance({
    test: (_, run) => tests.push(run),
    create: ({ keyspace }) => {
      const buckets = opened.get(keyspace) ?? new MemoryTokenBucket({ keyspace, clock: () => nowMs })
      opened.set(keyspace, buckets)
      return { buckets }
    },
    advance: async milliseconds => {
      nowMs += milliseconds
    }
  })
  return anyFails(tests)
}
