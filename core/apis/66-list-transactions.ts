/**
 * ListTransactions, key 66. Flexible; v1 adds durationFilter; v2 adds transactionalIdPattern (KIP-1152).
 */
import { errorCode } from '../errors.ts'
import { int16, int32, int64, list, nullable, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 66,
  name: 'ListTransactions',
  versions: [0, 2],
  flexible: 0,
  authorization: ['Describe TransactionalId'],
  request: {
    stateFilters: list(string),
    producerIdFilters: list(int64),
    durationFilter: since(1, int64, -1),
    transactionalIdPattern: since(2, nullable(string)),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    unknownStateFilters: list(string),
    transactionStates: list(
      struct({
        transactionalId: string,
        producerId: int64,
        transactionState: string,
      }),
    ),
  },
  async handle({ request: { durationFilter, ...filters }, broker, access }) {
    const { error, unknownStateFilters, transactions } = await broker.transactions.list({ ...filters, durationFilterMs: durationFilter })
    return {
      throttleTimeMs: 0,
      errorCode: errorCode(error),
      unknownStateFilters,
      transactionStates: transactions
        .filter(({ transactionalId }) => access.allows('Describe TransactionalId', transactionalId))
        .map(({ state, ...transaction }) => ({ ...transaction, transactionState: state })),
    }
  },
  errorResponse: (errorCode) => ({ throttleTimeMs: 0, errorCode, unknownStateFilters: [], transactionStates: [] }),
})
