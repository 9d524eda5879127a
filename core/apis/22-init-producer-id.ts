/**
 * InitProducerId, key 22. v2 is flexible; v3 adds producerId, producerEpoch; v6 adds enable2Pc, keepPreparedTxn, ongoingTxnProducerId,
 * ongoingTxnProducerEpoch (KIP-939, which no released Kafka has finished: v6 is not advertised).
 */
import { type ErrorName, errorCode } from '../errors.ts'
import { bool, int16, int32, int64, nullable, optional, since, string } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { fencedCode } from './producer-fenced.ts'

export default defineApi({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 6],
  advertised: [0, 5],
  flexible: 2,
  authorization: ['Write TransactionalId', 'TwoPhaseCommit TransactionalId', 'IdempotentWrite Cluster', 'Write Topic'],
  request: {
    transactionalId: nullable(string),
    transactionTimeoutMs: int32,
    producerId: since(3, int64, -1),
    producerEpoch: since(3, int16, -1),
    enable2Pc: since(6, bool),
    keepPreparedTxn: since(6, bool),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    producerId: optional(int64, -1),
    producerEpoch: int16,
    ongoingTxnProducerId: since(6, int64, -1),
    ongoingTxnProducerEpoch: since(6, int16, -1),
  },
  async handle({ request, version, broker, access }) {
    const failed = (error: ErrorName) => ({ throttleTimeMs: 0, errorCode: errorCode(error), producerId: -1, producerEpoch: -1 })
    const { transactionalId, producerId, producerEpoch } = request
    if (transactionalId !== null) {
      access.check('Write TransactionalId', transactionalId)
      if (request.enable2Pc) access.check('TwoPhaseCommit TransactionalId', transactionalId)
    } else if (!access.allows('IdempotentWrite Cluster', undefined, { logIfDenied: false }) && !access.allowsAny('Write Topic'))
      return failed('CLUSTER_AUTHORIZATION_FAILED')
    if ((producerId === -1) !== (producerEpoch === -1)) return failed('INVALID_REQUEST')
    if (transactionalId === '') return failed('INVALID_REQUEST')
    if (transactionalId === null)
      return { throttleTimeMs: 0, errorCode: 0, producerId: await broker.cluster.nextProducerId(), producerEpoch: 0 }
    const { error, ...identity } = await broker.transactions.initProducerId({ ...request, transactionalId })
    return { throttleTimeMs: 0, errorCode: fencedCode(error, version, 4), ...identity }
  },
  errorResponse: (errorCode) => ({ throttleTimeMs: 0, errorCode, producerId: -1, producerEpoch: -1 }),
})
