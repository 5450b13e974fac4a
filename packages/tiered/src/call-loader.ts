import type { LoadContext } from '@dashtam/cache-protocol'
import { LoadTimeoutError } from './errors.ts'
import type { FamilyDefinition } from './family-definition.ts'

/**
 * Calls the loader, and gives up when its time is over (`LoadTimeoutError`) or when nobody waits any more; its signal is
 * aborted in both cases. What it answers after that is not heard.
 *
 * @throws TypeError when it answers `undefined`.
 */
export async function callLoader<P, V>(
  { name, hardTimeoutMs, counters }: FamilyDefinition<P, V>,
  load: (context: LoadContext) => V | Promise<V>,
  controller: AbortController
): Promise<V> {
  const { signal } = controller
  counters.loads++
  let timer: NodeJS.Timeout | undefined
  let onAbort: (() => void) | undefined
  const givenUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      counters.loadTimeouts++
      const error = new LoadTimeoutError(name, hardTimeoutMs)
      reject(error)
      controller.abort(error)
    }, hardTimeoutMs)
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) reject(signal.reason)
  })
  try {
    const value = await Promise.race([(async () => load({ signal }))(), givenUp])
    if (value === undefined) {
      throw new TypeError(
        `The loader of the cache family '${name}' answered undefined; for "there is none" answer null.`
      )
    }
    return value
  } catch (error) {
    counters.loadErrors++
    throw error
  } finally {
    clearTimeout(timer)
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
  }
}
