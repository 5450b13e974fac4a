import type { Served } from '@dashtam/cache-protocol'
import { cacheStatus } from '@dashtam/fastify-cache'
import type { FastifyReply } from 'fastify'

/**
 * Awaits a read, and tells in the headers of the answer where it came from and how long that took. Of what is not there
 * they tell nothing: it may be somebody else's.
 */
export async function served<R extends Pick<Served<unknown>, 'status' | 'value'> | undefined>(
  reply: FastifyReply,
  reading: Promise<R>
): Promise<R> {
  const began = performance.now()
  const read = await reading
  const durationMs = performance.now() - began
  if (read === undefined || read.value === null) return read
  // https://www.w3.org/TR/server-timing/
  reply.headers({ 'cache-status': cacheStatus(read), 'server-timing': `read;dur=${durationMs.toFixed(3)}` })
  return read
}
