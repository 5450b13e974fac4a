/**
 * `connection`: it ended, or was silent for too long. `replica`: the server is a master no more. `other_server`: commands
 * go to another one. `unproven`: a change that was made for the purpose was not told.
 */
export type LossReason = 'connection' | 'replica' | 'other_server' | 'unproven'
