import { type Err, err } from '@dashtam/cache-protocol'
import { type DecodeError, UNREADABLE_REASONS, type UnreadableReason } from './codec.ts'

/** The failure of a `decode`. */
export function unreadable(reason: UnreadableReason): Err<DecodeError> {
  return err({ reason, message: UNREADABLE_REASONS[reason] })
}
