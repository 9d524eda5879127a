/**
 * Keys and values of `__transaction_state`. An int16 version comes first.
 */
import { defineStruct } from '../struct.ts'
import { int8, int16, int32, int64, list, nullable, string, struct, tagged } from '../types.ts'

/** TransactionLogKey, version 0. */
export const transactionLogKey = defineStruct({
  versions: [0, 0],
  flexible: null,
  fields: {
    transactionalId: string,
  },
})

/** TransactionLogValue, versions 0 and 1. */
export const transactionLogValue = defineStruct({
  versions: [0, 1],
  flexible: 1,
  fields: {
    producerId: int64,
    previousProducerId: tagged(0, 1, int64, -1),
    nextProducerId: tagged(1, 1, int64, -1),
    producerEpoch: int16,
    nextProducerEpoch: tagged(3, 1, int16, -1),
    transactionTimeoutMs: int32,
    transactionStatus: int8,
    transactionPartitions: nullable(
      list(
        struct({
          topic: string,
          partitionIds: list(int32),
        }),
      ),
    ),
    transactionLastUpdateTimestampMs: int64,
    transactionStartTimestampMs: int64,
    clientTransactionVersion: tagged(2, 1, int16),
  },
})
