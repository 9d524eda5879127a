/**
 * DescribeTransactions, key 65, flexible: the state of transactional ids. Once a transaction is decided, its partitions are those that
 * wait for their markers.
 */
import { errorCode } from '../errors.ts'
import { int16, int32, int64, list, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 65,
  name: 'DescribeTransactions',
  versions: [0, 0],
  flexible: 0,
  request: {
    transactionalIds: list(string),
  },
  response: {
    throttleTimeMs: int32,
    transactionStates: list(
      struct({
        errorCode: int16,
        transactionalId: string,
        transactionState: string,
        transactionTimeoutMs: int32,
        transactionStartTimeMs: int64,
        producerId: int64,
        producerEpoch: int16,
        topics: list(
          struct({
            topic: string,
            partitions: list(int32),
          }),
        ),
      }),
    ),
  },
  async handle({ request, broker }) {
    const described = await broker.transactions.describe(request.transactionalIds)
    return {
      throttleTimeMs: 0,
      transactionStates: described.map(({ error, state, ...transaction }) => ({
        ...transaction,
        errorCode: errorCode(error),
        transactionState: state,
      })),
    }
  },
  errorResponse: (errorCode, { transactionalIds }) => ({
    throttleTimeMs: 0,
    transactionStates: transactionalIds.map((transactionalId) => ({
      errorCode,
      transactionalId,
      transactionState: '',
      transactionTimeoutMs: 0,
      transactionStartTimeMs: 0,
      producerId: 0,
      producerEpoch: 0,
      topics: [],
    })),
  }),
})
