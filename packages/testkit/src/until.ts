import { setTimeout as sleep } from 'node:timers/promises'

const INTERVAL_MS = 20

/** Waits until `isSo` holds; rejects with what was `expected` when that takes longer than `timeoutMs`. */
export async function until(expected: string, isSo: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`After ${timeoutMs} ms still waiting until ${expected}.`)
    await sleep(INTERVAL_MS)
  }
}
