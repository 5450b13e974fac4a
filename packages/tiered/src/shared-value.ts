import type { Result, ValueCodec } from '@dashtam/cache-protocol'

/**
 * A value that several readers are given. Frozen, it is one object for all of them; one that cannot be frozen (it holds
 * a Date, a Map, a Set or bytes, which change all the same) is kept encoded, and each reader gets a copy of its own.
 */
export interface SharedValue<V> {
  /** The value for one more reader. */
  take(): V
  /** Whether `take` always gives the same frozen value. */
  readonly isFrozen: boolean
  readonly sizeBytes: number
}

class FrozenValue<V> implements SharedValue<V> {
  readonly isFrozen = true
  readonly sizeBytes: number
  readonly #value: V

  constructor(value: V, sizeBytes: number) {
    this.#value = value
    this.sizeBytes = sizeBytes
  }

  take(): V {
    return this.#value
  }
}

class EncodedValue<V> implements SharedValue<V> {
  readonly isFrozen = false
  readonly #payload: Uint8Array
  readonly #codec: ValueCodec<V>
  readonly #key: string

  constructor(payload: Uint8Array, codec: ValueCodec<V>, key: string) {
    this.#payload = payload
    this.#codec = codec
    this.#key = key
  }

  get sizeBytes(): number {
    return this.#payload.length
  }

  take(): V {
    const decoded = this.#codec.decode(this.#payload, { key: this.#key })
    if (!decoded.ok) throw new TypeError('the codec cannot decode for the second time what it has decoded before')
    return decoded.value
  }
}

/** Decodes `payload` to be shared, or says why it cannot be read. `payload` is kept when the value cannot be frozen. */
export function decodeShared<V>(
  payload: Uint8Array,
  codec: ValueCodec<V>,
  key: string
): Result<SharedValue<V>, { readonly reason: string }> {
  const decoded = codec.decode(payload, { key, freezes: true })
  if (!decoded.ok) return decoded
  const { value } = decoded
  if (decoded.isFrozen) return { ok: true, value: new FrozenValue(value, payload.length) }
  // A view into a larger buffer of the client's would keep all of it alive.
  return { ok: true, value: new EncodedValue(Uint8Array.from(payload), codec, key) }
}

/** A value that no codec takes: handed on as it is, and never stored. */
export function unstorable<V>(value: V): SharedValue<V> {
  return new FrozenValue(value, 0)
}
