/**
 * DescribeTransactions, key 65, flexible: the state of transactional ids. Once a transaction is decided, its partitions are those that
 * wait for their markers.
 */
import { errorCode } from '../errors.ts'
import { int16, int32, int64, list, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

const failed = (transactionalId: string, code: number) => ({
  errorCode: code,
  transactionalId,
  transactionState: '',
  transactionTimeoutMs: 0,
  transactionStartTimeMs: 0,
  producerId: 0,
  producerEpoch: 0,
  topics: [],
})

export default defineApi({
  key: 65,
  name: 'DescribeTransactions',
  versions: [0, 0],
  flexible: 0,
  authorization: ['Describe TransactionalId', 'Describe Topic'],
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
  async handle({ request, broker, access }) {
    const allowed = access.allowed('Describe TransactionalId', request.transactionalIds)
    const describe = async (transactionalId: string) => {
      if (!allowed.has(transactionalId)) return failed(transactionalId, errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
      const [described] = await broker.transactions.describe([transactionalId])
      const { error, state, topics, ...transaction } = described!
      return {
        ...transaction,
        errorCode: errorCode(error),
        transactionState: state,
        topics: topics.filter(({ topic }) => access.allows('Describe Topic', topic)),
      }
    }
    return { throttleTimeMs: 0, transactionStates: await Promise.all(request.transactionalIds.map(describe)) }
  },
  errorResponse: (errorCode, { transactionalIds }) => ({
    throttleTimeMs: 0,
    transactionStates: transactionalIds.map((transactionalId) => failed(transactionalId, errorCode)),
  }),
})
