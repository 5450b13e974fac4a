import { setTimeout as sleep } from 'node:timers/promises'
import type { FencedStore } from '@dashtam/cache-protocol'

const RETRY_MS = 100

/**
 * Gives a lease back that nothing was stored under, and tries again for as long as it may live: what is left behind keeps
 * everybody out, also when the trouble that kept it from being given back is over.
 */
export async function giveBack(store: FencedStore, key: string, token: string, leaseMs: number): Promise<void> {
  for (let leftMs = leaseMs; leftMs > 0; leftMs -= RETRY_MS) {
    const released = await store.release(key, token)
    if (released.ok) return
    await sleep(RETRY_MS, undefined, { ref: false })
  }
}
