/**
 * Produce, key 0. v5 adds logStartOffset; v8 adds recordErrors, errorMessage; v9 is flexible; v10 adds currentLeader, nodeEndpoints; v13
 * adds topicId, drops name.
 */
import type { BrokerServices } from '../broker-services.ts'
import type { Topic } from '../cluster/types.ts'
import { codeOf, errorCode, KafkaError } from '../errors.ts'
import { at, attributes } from '../wire/batch-header.ts'
import { int16, int32, int64, list, nullable, optional, records, since, string, struct, tagged, until, uuid } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

const ADMIN_CLIENT = '__admin_client'

interface PartitionData {
  index: number
  records: Buffer | null
}

interface PartitionAnswer {
  index: number
  errorCode: number
  baseOffset: number
  logAppendTimeMs: number
  logStartOffset: number
  recordErrors: []
  errorMessage: string | null
}

function failed(index: number, error: unknown, broker: BrokerServices): PartitionAnswer {
  if (!(error instanceof KafkaError)) broker.system.logger.error({ err: error, partition: index }, 'a batch could not be stored')
  const errorMessage = error instanceof KafkaError && error.message !== error.error ? error.message : null
  return { index, errorCode: codeOf(error), baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: [], errorMessage }
}

/** Puts one batch into its log. What the client has to wait for goes to `waits`. */
function store(
  topic: Topic | undefined,
  unknown: 'UNKNOWN_TOPIC_OR_PARTITION' | 'UNKNOWN_TOPIC_ID',
  { index, records }: PartitionData,
  acks: number,
  clientId: string | null,
  broker: BrokerServices,
  waits: Promise<void>[],
): PartitionAnswer {
  try {
    if (!topic) throw new KafkaError(unknown)
    // what the groups rely on is written by their coordinator, and by Kafka's own admin client
    if (topic.internal && clientId !== ADMIN_CLIENT)
      throw new KafkaError('INVALID_TOPIC_EXCEPTION', `Cannot append to internal topic ${topic.name}`)
    const log = broker.logs.get(topic.name, index)
    if (!log) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
    if (records === null) throw new KafkaError('INVALID_RECORD', 'a partition without a record batch')
    // nothing would ever end its transaction, and no read-committed consumer could pass it
    if (records.length > at.attributes + 1 && (records[at.attributes + 1]! & attributes.transactional) !== 0)
      throw new KafkaError('INVALID_TXN_STATE', 'transactions are not built: a transactional batch cannot be stored')
    const { baseOffset, logAppendTimeMs, logStartOffset, written, durable } = log.append(records)
    const answer: PartitionAnswer = {
      index,
      errorCode: 0,
      baseOffset,
      logAppendTimeMs,
      logStartOffset,
      recordErrors: [],
      errorMessage: null,
    }
    // Invariant 1: acks=all is answered when the batch is durable
    waits.push((acks === -1 ? durable : written).catch((error: unknown) => void Object.assign(answer, failed(index, error, broker))))
    return answer
  } catch (error) {
    return failed(index, error, broker)
  }
}

function refuseProduce(
  errorCode: number,
  request: { topicData: readonly { name: string; topicId: string; partitionData: readonly PartitionData[] }[] },
) {
  return {
    responses: request.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1, recordErrors: [], errorMessage: null })),
    })),
    throttleTimeMs: 0,
  }
}

export default defineApi({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  advertised: [0, 13],
  flexible: 9,
  missing: ['transactions: a request with a transactional id is refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
  // a producer's pipelined batches share one group commit
  concurrent: true,
  request: {
    transactionalId: optional(nullable(string)),
    acks: int16,
    timeoutMs: int32,
    topicData: list(
      struct({
        name: until(12, string),
        topicId: since(13, uuid),
        partitionData: list(
          struct({
            index: int32,
            records: nullable(records),
          }),
        ),
      }),
    ),
  },
  response: {
    responses: list(
      struct({
        name: until(12, string),
        topicId: since(13, uuid),
        partitionResponses: list(
          struct({
            index: int32,
            errorCode: int16,
            baseOffset: int64,
            logAppendTimeMs: optional(int64, -1),
            logStartOffset: since(5, int64, -1),
            recordErrors: since(
              8,
              list(
                struct({
                  batchIndex: int32,
                  batchIndexErrorMessage: optional(nullable(string)),
                }),
              ),
            ),
            errorMessage: since(8, nullable(string)),
            currentLeader: tagged(
              0,
              10,
              struct({
                leaderId: optional(int32, -1),
                leaderEpoch: optional(int32, -1),
              }),
            ),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32,
    nodeEndpoints: tagged(
      0,
      10,
      list(
        struct({
          nodeId: int32,
          host: string,
          port: int32,
          rack: optional(nullable(string)),
        }),
      ),
    ),
  },
  handle({ request, version, clientId, broker, peer }) {
    const { acks, transactionalId } = request
    const whole =
      acks < -1 || acks > 1
        ? errorCode('INVALID_REQUIRED_ACKS')
        : transactionalId !== null
          ? errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
          : 0
    const closing = (error: number) => {
      // nobody hears an error of acks=0 but by the end of the connection
      peer.close(`a Produce with acks=0 failed with error ${error}`)
      return null
    }
    if (whole !== 0) return acks === 0 ? closing(whole) : refuseProduce(whole, request)
    const waits: Promise<void>[] = []
    const responses = request.topicData.map(({ name, topicId, partitionData }) => {
      const topic = version >= 13 ? broker.cluster.topicById(topicId) : broker.cluster.topic(name)
      const unknown = version >= 13 ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
      return { name, topicId, partitionResponses: partitionData.map((data) => store(topic, unknown, data, acks, clientId, broker, waits)) }
    })
    const finish = () => {
      if (acks !== 0) return { responses, throttleTimeMs: 0 }
      for (const { partitionResponses } of responses)
        for (const { errorCode: failure } of partitionResponses) if (failure !== 0) return closing(failure)
      return null
    }
    if (waits.length === 0) return finish()
    // also acks=0 is under way until its bytes are written: that is what holds a producer back that is faster than the disk
    return (waits.length === 1 ? waits[0]! : Promise.all(waits)).then(finish)
  },
  errorResponse: (errorCode, request) => refuseProduce(errorCode, request),
})
