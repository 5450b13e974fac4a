import type { Result } from '@dashtam/cache-protocol'
import { ok } from '@dashtam/cache-protocol'
import { BATCH_SIZE } from '../topology.ts'

/**
 * Calls `run` for every item, whatever becomes of the others. A thousand at a time: so many more messages at once would
 * hold up every process that follows the changes.
 *
 * @returns the answers in the order of `items`, or the first failure.
 */
export async function each<Item, T>(
  items: readonly Item[],
  run: (item: Item) => Promise<Result<T>>
): Promise<Result<T[]>> {
  const answers: T[] = []
  let failure: Extract<Result<T>, { ok: false }> | undefined
  for (let start = 0; start < items.length; start += BATCH_SIZE) {
    for (const result of await Promise.all(items.slice(start, start + BATCH_SIZE).map(run))) {
      if (result.ok) answers.push(result.value)
      else failure ??= result
    }
  }
  return failure ?? ok(answers)
}
