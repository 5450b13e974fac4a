import { findOnPath } from './on-path.ts'
import { processPlace } from './redis-process.ts'
import type { RedisPlace } from './redis-server.ts'

/** What a developer can do about it; ends a sentence. */
export const WAYS_TO_START_REDIS =
  'put redis-server on PATH, start a container engine, or run as root on Debian with CI=true so that its redis-server package is installed.'

/** Opens a place for as many servers in the first way that is there; rejects when there is none. */
export async function openRedisPlace(serverCount: number, port?: number): Promise<RedisPlace> {
  const place = await findRedisPlace(serverCount, port)
  if (place) return place
  throw new Error(`The tests need Redis servers of their own and none can be started: ${WAYS_TO_START_REDIS}`)
}

/** As {@link openRedisPlace}, but `undefined` when there is no way. */
export async function findRedisPlace(serverCount: number, port?: number): Promise<RedisPlace | undefined> {
  const binary = await findOnPath('redis-server')
  if (binary) return processPlace(binary, port)

  const { hasContainerEngine } = await import('./container-engine.ts')
  if (await hasContainerEngine()) {
    const { openContainerPlace } = await import('./redis-container.ts')
    return openContainerPlace(serverCount, port)
  }

  const { mayInstallDebianPackages, installDebianPackage } = await import('./debian.ts')
  if (await mayInstallDebianPackages()) {
    await installDebianPackage('redis-server')
    const installed = await findOnPath('redis-server')
    if (installed) return processPlace(installed, port)
  }
  return undefined
}
