/**
 * Tells whether `text` matches `pattern` as Redis' own `stringmatchlen` decides it (util.c): `*`, `?`, `[abc]`, `[^a]`,
 * `[a-z]`, `\x`, byte by byte. For adapters whose store cannot match; takes at most `pattern` × `text` steps, so that a
 * pattern made of stars is no way to hang a process.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const p = Buffer.from(pattern)
  const t = Buffer.from(text)
  let pi = 0
  let ti = 0
  let starAt = -1
  let resumeAt = 0
  while (ti < t.length) {
    if (p[pi] === STAR) {
      starAt = pi++
      resumeAt = ti
      continue
    }
    const next = pi < p.length ? matchOne(p, pi, t[ti] as number) : MISMATCH
    if (next !== MISMATCH) {
      pi = next
      ti++
    } else if (starAt >= 0) {
      pi = starAt + 1
      ti = ++resumeAt
    } else {
      return false
    }
  }
  while (p[pi] === STAR) pi++
  return pi >= p.length
}

const [STAR, QUESTION, OPEN, CLOSE, CARET, DASH, BACKSLASH] = Buffer.from('*?[]^-\\') as unknown as [
  number,
  number,
  number,
  number,
  number,
  number,
  number
]
const MISMATCH = -1

/** Matches one byte against the element at `pi`; answers where the next element begins, or `MISMATCH`. */
function matchOne(p: Buffer, pi: number, byte: number): number {
  const element = p[pi] as number
  if (element === QUESTION) return pi + 1
  if (element === OPEN) return matchClass(p, pi + 1, byte)
  // A backslash at the very end stands for itself.
  const literalAt = element === BACKSLASH && pi + 1 < p.length ? pi + 1 : pi
  return p[literalAt] === byte ? literalAt + 1 : MISMATCH
}

function matchClass(p: Buffer, from: number, byte: number): number {
  let pi = from
  const negated = p[pi] === CARET
  if (negated) pi++
  let matched = false
  // A class that is never closed ends with the pattern, as in Redis.
  for (; pi < p.length && p[pi] !== CLOSE; pi++) {
    if (p[pi] === BACKSLASH && pi + 1 < p.length) {
      pi++
      if (p[pi] === byte) matched = true
    } else if (p[pi + 1] === DASH && pi + 2 < p.length) {
      const [low, high] = [signed(p[pi] as number), signed(p[pi + 2] as number)].sort((a, b) => a - b) as [
        number,
        number
      ]
      if (signed(byte) >= low && signed(byte) <= high) matched = true
      pi += 2
    } else if (p[pi] === byte) {
      matched = true
    }
  }
  return matched === negated ? MISMATCH : Math.min(pi + 1, p.length)
}

/** Redis compares the ends of a range as C's `char`, which is signed: beyond ASCII the order is another. */
function signed(byte: number): number {
  return (byte << 24) >> 24
}
