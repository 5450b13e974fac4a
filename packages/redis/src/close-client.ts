import type { Cluster, Redis } from 'ioredis'

/**
 * Says QUIT, so that what is in the socket still goes out, and hangs up when there is no answer in time.
 * Resolves when the connection has ended, after twice `timeoutMs` at most.
 */
export async function closeClient(client: Redis | Cluster, timeoutMs: number): Promise<void> {
  if (client.status === 'end') return
  if (client.status === 'reconnecting') {
    // There is no connection that could end, so ioredis does not say that it has.
    client.disconnect()
    return
  }
  const ended = new Promise<void>(resolve => client.once('end', resolve))
  if (client.status === 'ready') {
    client.quit().catch(() => {})
    await within(timeoutMs, ended)
  }
  client.disconnect()
  await within(timeoutMs, ended)
}

async function within(timeoutMs: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const bound = new Promise<void>(resolve => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([promise, bound])
  clearTimeout(timer)
}
