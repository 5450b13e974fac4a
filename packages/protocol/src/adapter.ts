/** For authors of adapters: what every adapter needs to keep the promises of the port. */

export type { FencedArguments } from './adapter/fenced-arguments.ts'
export { problemOfFencedArguments } from './adapter/fenced-arguments.ts'
export { matchesGlob } from './adapter/glob.ts'
export { describeUnserializable } from './adapter/json.ts'
export { ENGINE_MARK, Keyspace, MAX_KEY_LENGTH } from './adapter/keyspace.ts'
export { DEFAULT_TTL_SECONDS, MAX_TTL_SECONDS, problemOfTtl } from './adapter/lifetime.ts'
export { problemOfMember } from './adapter/member.ts'
export type { FailureOptions, PortGuardOptions } from './adapter/port-guard.ts'
export { PortGuard } from './adapter/port-guard.ts'
export { randomId } from './adapter/random-id.ts'
export type { TokenTerms } from './adapter/token-terms.ts'
export { problemOfTokens, tokenState, tokenTerms } from './adapter/token-terms.ts'
