import { type Connection, isConnection } from '../../domain/connection.ts'
import { checkedJson } from './checked-json.ts'

/** `null` stands for a connection that is not there. */
export const connectionCodec = checkedJson<Connection | null>(found => found === null || isConnection(found))

export const connectionListCodec = checkedJson<readonly Connection[]>(
  found => Array.isArray(found) && found.every(isConnection)
)
