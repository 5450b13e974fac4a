import { type Account, isAccount } from '../../domain/account.ts'
import { checkedJson } from './checked-json.ts'

/** `null` stands for an account that is not there. */
export const accountCodec = checkedJson<Account | null>(found => found === null || isAccount(found))

export const accountListCodec = checkedJson<readonly Account[]>(found => Array.isArray(found) && found.every(isAccount))
