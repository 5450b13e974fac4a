import type { Ok } from '@dashtam/cache-protocol'

/** The answers that come without a value of their own, made once. */
export const DONE: Ok<undefined> = Object.freeze({ ok: true, value: undefined })
export const YES: Ok<true> = Object.freeze({ ok: true, value: true })
const NO: Ok<false> = Object.freeze({ ok: true, value: false })

export const done = () => DONE
/** Redis' `1` and `0`. */
export const isOne = (count: unknown): Ok<boolean> => (count === 1 ? YES : NO)
