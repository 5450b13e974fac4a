import type { Served } from '@dashtam/cache-protocol'
import { cacheStatus } from '@dashtam/fastify-cache'
import type { FastifyReply } from 'fastify'

/** Awaits a read, and tells in the headers of the answer where it came from and how long that took. */
export async function served<R extends Pick<Served<unknown>, 'status'> | undefined>(
  reply: FastifyReply,
  reading: Promise<R>
): Promise<R> {
  const began = performance.now()
  const read = await reading
  const durationMs = performance.now() - began
  // https://www.w3.org/TR/server-timing/
  reply.header('server-timing', `read;dur=${durationMs.toFixed(3)}`)
  if (read !== undefined) reply.header('cache-status', cacheStatus(read))
  return read
}
