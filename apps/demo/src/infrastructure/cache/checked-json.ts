import { json } from '@dashtam/cache-codecs'
import type { ValueCodec } from '@dashtam/cache-protocol'

/**
 * JSON that is checked when it is read: while a fleet is updated, its instances share a cache and not yet a version.
 * What is not a value of today's code is loaded anew and replaced.
 */
export function checkedJson<T>(accepts: (found: unknown) => boolean): ValueCodec<T> {
  const validate = (value: unknown) => (accepts(value) ? { value } : { issues: [{ message: 'of another version' }] })
  const codec: ValueCodec<unknown> = json({
    // As by default for a family: at this size it costs more time than it saves.
    compression: false,
    schema: { '~standard': { version: 1 as const, vendor: 'dashtam', validate } }
  })
  return codec as ValueCodec<T>
}
