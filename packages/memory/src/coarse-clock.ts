/** So many readings share one look at the clock within a turn of the event loop. */
const READINGS_PER_LOOK = 32

/**
 * `performance.now`, looked at once per turn of the event loop, and again after 32 readings: a look costs half as much
 * as a whole memory hit. The bound is for loops that await nothing but microtasks, in which the event loop never turns.
 */
export function createCoarseClock(): () => number {
  let nowMs = 0
  let readingsLeft = 0
  let isTurnAwaited = false
  const onTurn = () => {
    readingsLeft = 0
    isTurnAwaited = false
  }
  return () => {
    if (readingsLeft > 0) {
      readingsLeft--
      return nowMs
    }
    readingsLeft = READINGS_PER_LOOK - 1
    if (!isTurnAwaited) {
      isTurnAwaited = true
      setImmediate(onTurn).unref()
    }
    nowMs = performance.now()
    return nowMs
  }
}
