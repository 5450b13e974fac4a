import type { CachedPage } from '@dashtam/accounts-cache'
import { isProviderResponse, type ProviderResponse } from '../../domain/provider.ts'
import { isTransaction, type Transaction } from '../../domain/transaction.ts'
import { checkedJson } from './checked-json.ts'

/** `null` stands for a connection that is not there. */
export const providerCodec = checkedJson<ProviderResponse | null>(found => found === null || isProviderResponse(found))

export const transactionsCodec = checkedJson<CachedPage<Transaction>>(found => {
  const { userId, transactions } = (found ?? {}) as Partial<CachedPage<unknown>>
  return typeof userId === 'string' && Array.isArray(transactions) && transactions.every(isTransaction)
})
