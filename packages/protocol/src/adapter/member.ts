const MAX_MEMBER_LENGTH = 1_024

/** Says what is wrong with a member of an index, or nothing. Does not quote it. */
export function problemOfMember(member: string): string | undefined {
  if (typeof member !== 'string') return `the member must be a string, got ${member === null ? 'null' : typeof member}`
  if (member.length > MAX_MEMBER_LENGTH) return `the member must be at most ${MAX_MEMBER_LENGTH} characters`
  return member.isWellFormed() ? undefined : 'the member must be well-formed Unicode, it has a lone surrogate'
}
