import type { Served } from '@dashtam/cache-protocol'

const PARAMETERS: Record<Served<unknown>['status'], string> = {
  hit: 'hit',
  stale: 'hit; detail=stale',
  miss: 'fwd=miss',
  collapsed: 'fwd=miss; collapsed'
}

/** A token of Structured Fields (RFC 9651, section 3.3.4). */
const TOKEN = /^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/

/**
 * How a read was served, as the value of a `Cache-Status` header (RFC 9211): `hit` from either tier, with `detail=stale`
 * when it was past its lifetime; `fwd=miss` when it was loaded, with `collapsed` when another read was loading it already.
 *
 * @param read - What `family.read()` resolved to.
 * @param cache - What the cache is called: a letter, then letters, digits and `! # $ % & ' * + - . ^ _ | ~ : /`.
 * @defaultValue `'dashtam'`
 * @throws TypeError when `cache` is no such name.
 */
export function cacheStatus({ status }: Pick<Served<unknown>, 'status'>, cache = 'dashtam'): string {
  if (!TOKEN.test(cache)) throw new TypeError(`cache must be a token, as in 'dashtam'; got ${JSON.stringify(cache)}`)
  return `${cache}; ${PARAMETERS[status]}`
}
