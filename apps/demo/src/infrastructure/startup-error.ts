/** Why the demo cannot start, said to whoever starts it: the message is all they need, without a stack trace. */
export class StartupError extends Error {
  override readonly name = 'StartupError'
}
