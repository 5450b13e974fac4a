import type { Cluster, Redis } from 'ioredis'

/** Says QUIT, so that what is in the socket still goes out, and hangs up when there is no answer in time. */
export async function closeClient(client: Redis | Cluster, timeoutMs: number): Promise<void> {
  if (client.status === 'ready') {
    const quit = client.quit().catch(() => {})
    let timer: NodeJS.Timeout | undefined
    const bound = new Promise<void>(resolve => {
      timer = setTimeout(resolve, timeoutMs)
    })
    await Promise.race([quit, bound])
    clearTimeout(timer)
  }
  client.disconnect()
}
