import type { LoadContext } from '@dashtam/cache-protocol'
import type { FamilyDefinition } from './family-definition.ts'

/** One read: of what, how, and for whom. */
export interface Reading<P = unknown, V = unknown> {
  readonly family: FamilyDefinition<P, V>
  readonly key: string
  readonly params: P
  readonly isStrong: boolean
  /** Calls the loader of the family, or has it called together with others. */
  readonly call: (context: LoadContext) => V | Promise<V>
  /** Told when the read begins to wait for another process, so that others need not wait for it. */
  readonly isWaiting: (() => void) | undefined
}
