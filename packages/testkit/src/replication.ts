import type { RedisServer } from './redis-server.ts'

/** Whether `server` is a master, or a replica that has all that its master has. */
export async function isInSync(server: RedisServer): Promise<boolean> {
  const info = await server.cli('INFO', 'replication')
  return info.includes('role:master') || info.includes('master_link_status:up')
}
