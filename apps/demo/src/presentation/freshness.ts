import type { Consistency } from '@dashtam/cache-protocol'
import { Type } from 'typebox'

export const Freshness = Type.Object({
  'cache-control': Type.Optional(
    Type.String({
      description: '`no-cache`: nothing from before a change that any instance has answered.',
      examples: ['no-cache']
    })
  )
})

/** RFC 9111, section 5.2.1.4: without validation nothing stored may be used. Here the cache itself validates. */
export function consistencyOf({
  'cache-control': directives = ''
}: {
  readonly 'cache-control'?: string
}): Consistency {
  return /(?:^|,)\s*no-cache\s*(?:,|$)/i.test(directives) ? 'strong' : 'eventual'
}
