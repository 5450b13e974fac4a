/** What an operation comes to: the state after it, what the caller is answered, and whether the feed tells of it. */
export interface Step<State, Answer> {
  readonly state: State
  readonly answer: Answer
  readonly isTold: boolean
}

/** The operation has changed the state, or is one that is told even when it has not. */
export function changed<State, Answer>(state: State, answer: Answer): Step<State, Answer> {
  return { state, answer, isTold: true }
}

/** The operation found nothing to do. */
export function unchanged<State, Answer>(state: State, answer: Answer): Step<State, Answer> {
  return { state, answer, isTold: false }
}
