/**
 * A hash of strings to 32-bit integers that differs from store to store, so that nobody can choose keys which collide.
 *
 * The multiplier is as secret as the start, and a step takes in one code unit only: flipping the top bit of a 32-bit
 * word passes through any odd multiplier unchanged, which is how collisions of Murmur hashes are built for every seed
 * at once (https://www.131002.net/siphash/). No substitute for a keyed hash where more than hit ratio is at stake.
 *
 * @param seed - 32 bits are used.
 */
export function createKeyHash(seed: number): (key: string) => number {
  const start = mix(seed)
  const multiplier = mix(start + 1) | 1
  return key => {
    let hash = start ^ key.length
    for (let index = 0; index < key.length; index++) {
      hash = Math.imul(hash ^ key.charCodeAt(index), multiplier)
      hash ^= hash >>> 15
    }
    return mix(hash)
  }
}

/** Each bit of the answer depends on each bit of `bits`: the finalizer of MurmurHash3. */
export function mix(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
