import type { SerializerName } from './header.ts'
import * as json from './json.ts'
import * as messagePack from './message-pack.ts'

interface Serializer {
  /** What `findProblem` has found no fault with always has bytes. */
  readonly serialize: (value: unknown) => Uint8Array
  /** @throws what the parser throws for bytes that it cannot read. */
  readonly deserialize: (bytes: Buffer) => unknown
}

/** Every codec reads both, so that a fleet can change from one to the other while it runs. */
export const SERIALIZERS: Readonly<Record<SerializerName, Serializer>> = { json, messagePack }
