import type { Adapter, AdapterPayload } from 'oidc-provider'

interface Entry {
  readonly payload: AdapterPayload
  readonly expiresAtMs: number
}

/** So many may be there before those that are over are looked for. */
const SWEEP_ENTRIES = 10_000
/** So many may be left by that: anybody can begin a flow. The oldest go first. */
const MAX_LEFT = 50_000

/** Grants and tokens, sessions and codes: what the authorization server has given out, until it ends. */
export class Memory {
  readonly #entries = new Map<string, Entry>()
  #sweepAt = SWEEP_ENTRIES

  /** Everything that was given out is worth nothing from now on. */
  clear(): void {
    this.#entries.clear()
  }

  /** As the authorization server wants it, for one kind of thing. */
  adapterOf(kind: string): Adapter {
    const entries = this.#entries
    const sweep = () => this.#sweep()
    const keyOf = (id: string) => `${kind}:${id}`
    const find = (key: string): AdapterPayload | undefined => {
      const entry = entries.get(key)
      if (entry === undefined || entry.expiresAtMs > Date.now()) return entry?.payload
      entries.delete(key)
      return undefined
    }
    const findBy = async (property: 'uid' | 'userCode', value: string) => {
      for (const [key, { payload }] of entries) {
        if (key.startsWith(`${kind}:`) && payload[property] === value) return find(key)
      }
      return undefined
    }
    return {
      async upsert(id, payload, expiresInSeconds) {
        const expiresAtMs = expiresInSeconds === undefined ? Infinity : Date.now() + expiresInSeconds * 1_000
        entries.set(keyOf(id), { payload, expiresAtMs })
        sweep()
      },
      find: async id => find(keyOf(id)),
      findByUid: uid => findBy('uid', uid),
      findByUserCode: userCode => findBy('userCode', userCode),
      async consume(id) {
        const payload = find(keyOf(id))
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1_000)
      },
      async destroy(id) {
        entries.delete(keyOf(id))
      },
      async revokeByGrantId(grantId) {
        for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key)
      }
    }
  }

  #sweep(): void {
    if (this.#entries.size < this.#sweepAt) return
    const nowMs = Date.now()
    for (const [key, { expiresAtMs }] of this.#entries) if (expiresAtMs <= nowMs) this.#entries.delete(key)
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= MAX_LEFT) break
      this.#entries.delete(key)
    }
    this.#sweepAt = Math.max(SWEEP_ENTRIES, 2 * this.#entries.size)
  }
}
