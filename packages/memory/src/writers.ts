/** A write that is under way, for as long as its writer says so. */
export interface Writer {
  readonly token: string
  /** From this instant on the writer counts as dead. */
  readonly deadlineMs: number
}

/** The writers that are alive. */
export function liveWriters(writers: readonly Writer[], nowMs: number): readonly Writer[] {
  return writers.every(({ deadlineMs }) => nowMs < deadlineMs)
    ? writers
    : writers.filter(({ deadlineMs }) => nowMs < deadlineMs)
}

export function hasWriter(writers: readonly Writer[], token: string): boolean {
  return writers.some(writer => writer.token === token)
}

export function withoutWriter(writers: readonly Writer[], token: string): readonly Writer[] {
  return writers.filter(writer => writer.token !== token)
}

/** A token is in the list once: its new deadline takes the place of the old one. */
export function withWriter(writers: readonly Writer[], token: string, deadlineMs: number): readonly Writer[] {
  return [...withoutWriter(writers, token), { token, deadlineMs }]
}

export function lastDeadlineMs(writers: readonly Writer[]): number {
  return Math.max(...writers.map(({ deadlineMs }) => deadlineMs))
}
