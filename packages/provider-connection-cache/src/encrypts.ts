import type { ValueCodec } from '@dashtam/cache-protocol'

const PROBE_KEY = 'probe'

/** Whether a codec makes something of a text that does not show it, and something else each time. */
export function encrypts<V>(codec: ValueCodec<V>, probe: V, secret: string): boolean {
  const [first, second] = [0, 1].map(() => codec.encode(probe, { key: PROBE_KEY }))
  if (!first?.ok || !second?.ok) return false
  const [one, other] = [Buffer.from(first.value), Buffer.from(second.value)]
  return !one.equals(other) && !one.includes(secret)
}
