// A suite that has never been red proves nothing: each operation is broken in every way that has a name below.
import { cacheConformance } from '@dashtam/cache-conformance'
import { InMemoryCache, type InMemoryCacheOptions } from '@dashtam/cache-memory'
import { err, type JsonValue, type LifetimeOptions, ok, type Result } from '@dashtam/cache-protocol'
import t from 'tap'

type Entries = Iterable<readonly [key: string, value: string]>
type Broken = new (options: InMemoryCacheOptions) => InMemoryCache

/** What a good answer becomes, whatever type the port wants; a failure stays what it is. */
async function changed<T>(answer: Promise<Result<T>>, change: (value: T) => unknown): Promise<Result<never>> {
  const result = await answer
  return result.ok ? ok(change(result.value) as never) : result
}

const BREAKAGES: Readonly<Record<string, Readonly<Record<string, Broken>>>> = {
  get: {
    'never finds anything': class extends InMemoryCache {
      override get = (key: string) => changed(super.get(key), () => undefined)
    },
    'takes an empty string for a miss': class extends InMemoryCache {
      override get = (key: string) => changed(super.get(key), value => value || undefined)
    },
    'answers a miss with null': class extends InMemoryCache {
      override get = (key: string) => changed(super.get(key), value => value ?? null)
    },
    'takes a bad key for a miss': class extends InMemoryCache {
      override get = async (key: string) => {
        const result = await super.get(key)
        return result.ok ? result : ok(undefined)
      }
    },
    'rejects when it is closed': class extends InMemoryCache {
      override get = async (key: string) => {
        const result = await super.get(key)
        if (!result.ok && result.error.reason === 'closed') throw new Error('closed')
        return result
      }
    },
    'quotes the key': class extends InMemoryCache {
      override get = async (key: string) => {
        const result = await super.get(key)
        return result.ok ? result : err({ ...result.error, cause: new Error(`GET ${key}`) })
      }
    }
  },
  getJson: {
    'takes null for a miss': class extends InMemoryCache {
      override getJson = <T = JsonValue>(key: string) => changed(super.getJson<T>(key), value => value ?? undefined)
    },
    'answers broken text as it is': class extends InMemoryCache {
      override getJson = async <T = JsonValue>(key: string) => {
        const result = await super.getJson<T>(key)
        return !result.ok && result.error.code === 'CACHE_JSON_ERROR'
          ? ((await super.get(key)) as Result<T | undefined>)
          : result
      }
    },
    'deletes broken text': class extends InMemoryCache {
      override getJson = async <T = JsonValue>(key: string) => {
        const result = await super.getJson<T>(key)
        if (!result.ok && result.error.code === 'CACHE_JSON_ERROR') await super.delete(key)
        return result
      }
    },
    'hands out one object to all': class extends InMemoryCache {
      readonly #parsed = new Map<string, unknown>()
      override getJson = <T = JsonValue>(key: string) =>
        changed(super.getJson<T>(key), value => {
          if (!this.#parsed.has(key)) this.#parsed.set(key, value)
          return this.#parsed.get(key)
        })
    }
  },
  set: {
    'stores nothing': class extends InMemoryCache {
      override set = (key: string, _value: string, _options?: LifetimeOptions) =>
        changed(super.exists(key), () => undefined)
    },
    'ignores the lifetime': class extends InMemoryCache {
      override set = (key: string, value: string) => super.set(key, value)
    },
    'keeps the lifetime that was there': class extends InMemoryCache {
      override set = async (key: string, value: string, options?: LifetimeOptions) => {
        const left = await super.ttl(key)
        return super.set(key, value, left.ok && left.value !== undefined ? { ttlSeconds: left.value } : options)
      }
    },
    'keeps the value that was there': class extends InMemoryCache {
      override set = async (key: string, value: string, options?: LifetimeOptions) => {
        const there = await super.get(key)
        return super.set(key, there.ok && there.value !== undefined ? there.value : value, options)
      }
    },
    trims: class extends InMemoryCache {
      override set = (key: string, value: string, options?: LifetimeOptions) =>
        super.set(key, typeof value === 'string' ? value.trim() : value, options)
    },
    'takes 0 for no lifetime': class extends InMemoryCache {
      override set = (key: string, value: string, options?: LifetimeOptions) =>
        super.set(key, value, options?.ttlSeconds === 0 ? {} : options)
    }
  },
  setJson: {
    'stores what JSON makes of it': class extends InMemoryCache {
      override setJson = (key: string, value: NonNullable<unknown> | null, options?: LifetimeOptions) =>
        super.set(key, JSON.stringify(value), options)
    },
    'ignores the lifetime': class extends InMemoryCache {
      override setJson = (key: string, value: NonNullable<unknown> | null) => super.setJson(key, value)
    },
    'looks at the value a turn later': class extends InMemoryCache {
      override setJson = async (key: string, value: NonNullable<unknown> | null, options?: LifetimeOptions) => {
        await undefined
        return super.setJson(key, value, options)
      }
    }
  },
  take: {
    'does not delete': class extends InMemoryCache {
      override take = (key: string) => super.get(key)
    },
    'deletes in a second step': class extends InMemoryCache {
      override take = async (key: string) => {
        const result = await super.get(key)
        await super.delete(key)
        return result
      }
    },
    'takes an empty string for a miss': class extends InMemoryCache {
      override take = (key: string) => changed(super.take(key), value => value || undefined)
    }
  },
  delete: {
    'does nothing': class extends InMemoryCache {
      override delete = (key: string) => super.exists(key)
    },
    'always says true': class extends InMemoryCache {
      override delete = (key: string) => changed(super.delete(key), () => true)
    },
    'answers a number': class extends InMemoryCache {
      override delete = (key: string) => changed(super.delete(key), Number)
    }
  },
  deleteMany: {
    'deletes the first': class extends InMemoryCache {
      override deleteMany = (keys: Iterable<string>) => super.deleteMany([...keys].slice(0, 1))
    },
    'counts what it was asked for': class extends InMemoryCache {
      override deleteMany = (keys: Iterable<string>) => {
        const all = [...keys]
        return changed(super.deleteMany(all), () => all.length)
      }
    },
    'reads an iterable twice': class extends InMemoryCache {
      override deleteMany = (keys: Iterable<string>) => super.deleteMany([...keys].length === 0 ? [] : keys)
    },
    'passes over a bad key': class extends InMemoryCache {
      override deleteMany = (keys: Iterable<string>) => super.deleteMany([...keys].filter(key => key !== 'outside'))
    }
  },
  deletePattern: {
    'takes the pattern for a prefix': class extends InMemoryCache {
      override deletePattern = (pattern: string) => super.deletePattern(`${pattern}*`)
    },
    'does not know an escape': class extends InMemoryCache {
      override deletePattern = (pattern: string) =>
        super.deletePattern(typeof pattern === 'string' ? pattern.replaceAll('\\', '') : pattern)
    },
    'counts and deletes nothing': class extends InMemoryCache {
      override deletePattern = async (pattern: string) => {
        let count = 0
        for await (const result of super.scan(pattern)) {
          if (!result.ok) return result
          count++
        }
        return ok(count)
      }
    }
  },
  exists: {
    'always says true': class extends InMemoryCache {
      override exists = (key: string) => changed(super.exists(key), () => true)
    },
    'takes an empty string for nothing': class extends InMemoryCache {
      override exists = (key: string) => changed(super.get(key), Boolean)
    }
  },
  expire: {
    'does nothing': class extends InMemoryCache {
      override expire = (key: string) => super.exists(key)
    },
    'always says true': class extends InMemoryCache {
      override expire = (key: string, ttlSeconds: number) => changed(super.expire(key, ttlSeconds), () => true)
    },
    'creates the key': class extends InMemoryCache {
      override expire = async (key: string, ttlSeconds: number) => {
        const result = await super.expire(key, ttlSeconds)
        if (result.ok && !result.value) await super.set(key, '', { ttlSeconds })
        return result
      }
    },
    'takes no lifetime for the default': class extends InMemoryCache {
      override expire = (key: string, ttlSeconds = 60) => super.expire(key, ttlSeconds)
    },
    'does not know Infinity': class extends InMemoryCache {
      override expire = (key: string, ttlSeconds: number) =>
        super.expire(key, ttlSeconds === Infinity ? 1_000_000 : ttlSeconds)
    }
  },
  ttl: {
    'answers whole seconds': class extends InMemoryCache {
      override ttl = (key: string) => changed(super.ttl(key), left => left && Math.ceil(left))
    },
    'answers milliseconds': class extends InMemoryCache {
      override ttl = (key: string) => changed(super.ttl(key), left => left && left * 1_000)
    },
    'answers 0 for absent': class extends InMemoryCache {
      override ttl = (key: string) => changed(super.ttl(key), left => left ?? 0)
    },
    'answers absent for endless': class extends InMemoryCache {
      override ttl = (key: string) => changed(super.ttl(key), left => (left === Infinity ? undefined : left))
    }
  },
  increment: {
    'adds in two steps': class extends InMemoryCache {
      override increment = async (key: string, by = 1, options?: LifetimeOptions) => {
        const before = await super.increment(key, 0, options)
        if (!before.ok || !Number.isSafeInteger(by)) return super.increment(key, by, options)
        await null
        await super.set(key, String(before.value + by))
        return ok(before.value + by)
      }
    },
    'ignores the lifetime': class extends InMemoryCache {
      override increment = (key: string, by?: number) => super.increment(key, by)
    },
    'starts the lifetime anew': class extends InMemoryCache {
      override increment = async (key: string, by?: number, options?: LifetimeOptions) => {
        const sum = await super.increment(key, by, options)
        if (sum.ok) await super.expire(key, options?.ttlSeconds ?? 7)
        return sum
      }
    },
    'takes text for 0': class extends InMemoryCache {
      override increment = async (key: string, by?: number, options?: LifetimeOptions) => {
        const sum = await super.increment(key, by, options)
        if (sum.ok || sum.error.reason !== 'wrong_type') return sum
        await super.delete(key)
        return super.increment(key, by, options)
      }
    }
  },
  decrement: {
    adds: class extends InMemoryCache {
      override decrement = (key: string, by?: number, options?: LifetimeOptions) => super.increment(key, by, options)
    },
    "fails under increment's code": class extends InMemoryCache {
      override decrement = (key: string, by = 1, options?: LifetimeOptions) => super.increment(key, -by, options)
    }
  },
  getMany: {
    'leaves out misses': class extends InMemoryCache {
      override getMany = (keys: Iterable<string>) =>
        changed(super.getMany(keys), found => new Map([...found].filter(([, value]) => value !== undefined)))
    },
    'answers in another order': class extends InMemoryCache {
      override getMany = (keys: Iterable<string>) =>
        changed(super.getMany(keys), found => new Map([...found].reverse()))
    },
    'answers an object': class extends InMemoryCache {
      override getMany = (keys: Iterable<string>) => changed(super.getMany(keys), Object.fromEntries)
    },
    'passes over a bad key': class extends InMemoryCache {
      override getMany = (keys: Iterable<string>) => super.getMany([...keys].filter(key => key !== 'outside'))
    }
  },
  setMany: {
    'stores the first': class extends InMemoryCache {
      override setMany = (entries: Entries, options?: LifetimeOptions) =>
        super.setMany([...entries].slice(0, 1), options)
    },
    'ignores the lifetime': class extends InMemoryCache {
      override setMany = (entries: Entries) => super.setMany(entries)
    },
    'lets the first value of a repeated key count': class extends InMemoryCache {
      override setMany = (entries: Entries, options?: LifetimeOptions) => super.setMany([...entries].reverse(), options)
    },
    'stores what comes before a bad entry': class extends InMemoryCache {
      override setMany = async (entries: Entries, options?: LifetimeOptions) => {
        for (const [key, value] of entries) {
          const stored = await super.setMany([[key, value]], options)
          if (!stored.ok) return stored
        }
        return super.setMany([], options)
      }
    }
  },
  scan: {
    'yields nothing': class extends InMemoryCache {
      override async *scan() {}
    },
    'does not look at the pattern': class extends InMemoryCache {
      override scan = (pattern: string) => super.scan(pattern.replace(/(?<=:).*/s, '*'))
    },
    'throws for a bad pattern': class extends InMemoryCache {
      override async *scan(pattern: string) {
        for await (const result of super.scan(pattern)) {
          if (!result.ok) throw new Error(result.error.message)
          yield result
        }
      }
    }
  },
  flush: {
    'does nothing': class extends InMemoryCache {
      override flush = () => changed(super.ping(), () => undefined)
    },
    closes: class extends InMemoryCache {
      override flush = async () => {
        const result = await super.flush()
        await super.close()
        return result
      }
    }
  },
  ping: {
    'answers PONG': class extends InMemoryCache {
      override ping = () => changed(super.ping(), () => 'PONG')
    },
    'answers although the cache is closed': class extends InMemoryCache {
      override ping = async () => ok(true) as Result<true>
    }
  },
  close: {
    'does nothing': class extends InMemoryCache {
      override close = async () => ok(undefined) as Result<void>
    },
    'fails the second time': class extends InMemoryCache {
      override close = async () => {
        const isOpen = await super.ping()
        return isOpen.ok ? super.close() : (isOpen as Result<never>)
      }
    }
  }
}

for (const [operation, breakages] of Object.entries(BREAKAGES)) {
  for (const [how, Cache] of Object.entries(breakages)) {
    t.test(`${operation}() that ${how} is noticed`, async t => {
      t.ok(await failsATestOf(operation, Cache))
    })
  }
}

t.test('every operation is broken at least once', async t => {
  const operations = Object.getOwnPropertyNames(InMemoryCache.prototype)
  const all = operations.filter(name => name !== 'constructor' && name !== 'stats')
  t.strictSame(Object.keys(BREAKAGES).sort(), all.sort())
})

/** Whether a test named after `operation` fails on such a cache; for close() it may be a test of what comes after. */
async function failsATestOf(operation: string, Cache: Broken): Promise<boolean> {
  let nowMs = 0
  const tests: { title: string; run: () => Promise<void> }[] = []
  cacheConformance({
    test: (title, run) => tests.push({ title, run }),
    create: options => new Cache({ ...options, clock: () => nowMs }),
    advance: async milliseconds => {
      nowMs += milliseconds
    }
  })
  const isAbout = (title: string) =>
    title.startsWith(`${operation}()`) || (operation === 'close' && title.includes('close()'))
  for (const { title, run } of tests) {
    if (!isAbout(title)) continue
    try {
      await run()
    } catch {
      return true
    }
  }
  return false
}
