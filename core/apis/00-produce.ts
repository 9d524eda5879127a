/**
 * Produce, key 0. v5 adds logStartOffset; v8 adds recordErrors, errorMessage; v9 is flexible; v10 adds currentLeader, nodeEndpoints; v13
 * adds topicId, drops name.
 */
import type { BrokerServices } from '../broker-services.ts'
import type { Topic } from '../cluster/types.ts'
import { codeOf, type ErrorName, errorCode, KafkaError } from '../errors.ts'
import type { Verification } from '../log/types.ts'
import { partitionKey } from '../topic-partition.ts'
import type { VerifiedPartitions } from '../transaction-verifier.ts'
import {
  int16,
  int32,
  int64,
  list,
  nullable,
  type OutOf,
  optional,
  records,
  since,
  string,
  struct,
  tagged,
  until,
  uuid,
} from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import type { RequestContext } from './request-context.ts'
import { forProducer, hasTransactionalBatch, transactionalBatches } from './transactional-batches.ts'

const ADMIN_CLIENT = '__admin_client'

interface PartitionData {
  index: number
  records: Buffer | null
}

interface PartitionResponse {
  index: number
  errorCode: number
  baseOffset: number
  logAppendTimeMs: number
  logStartOffset: number
  recordErrors: []
  errorMessage: string | null
}

function failed(index: number, error: unknown, broker: BrokerServices): PartitionResponse {
  if (!(error instanceof KafkaError))
    broker.system.logger.error({ err: error, partition: index }, 'a batch could not be appended; the producer gets an error response')
  const errorMessage = error instanceof KafkaError && error.message !== error.error ? error.message : null
  return { index, errorCode: codeOf(error), baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, recordErrors: [], errorMessage }
}

interface TopicData {
  name: string
  topicId: string
  partitionData: readonly PartitionData[]
}

/** Appends one batch to its log. Adds the promise that the response waits for to `acknowledgements`. */
function append(
  target: Topic | ErrorName,
  { index, records }: PartitionData,
  acks: number,
  clientId: string | null,
  broker: BrokerServices,
  acknowledgements: Promise<void>[],
  verified: VerifiedPartitions | null,
): PartitionResponse {
  try {
    if (typeof target === 'string') throw new KafkaError(target)
    const topic = target
    const log = broker.logs.get(topic.name, index)
    if (!log) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION')
    if (acks < -1 || acks > 1) throw new KafkaError('INVALID_REQUIRED_ACKS')
    // Internal topics are written by the group coordinator, and by Kafka's own admin client.
    if (topic.internal && clientId !== ADMIN_CLIENT) throw new KafkaError('INVALID_TOPIC_EXCEPTION')
    if (records === null) throw new KafkaError('INVALID_RECORD', 'the partition has no record batch')
    let verification: Verification = 'ongoing'
    if (verified !== null) {
      const result = verified.get(partitionKey({ topic: topic.name, partition: index })) ?? verification
      if (result instanceof KafkaError) throw result
      verification = result
    }
    const { baseOffset, logAppendTimeMs, logStartOffset, written, durable } = log.append(records, 'client', verification)
    const response: PartitionResponse = {
      index,
      errorCode: 0,
      baseOffset,
      logAppendTimeMs,
      logStartOffset,
      recordErrors: [],
      errorMessage: null,
    }
    // Invariant 1: acks=all is acknowledged when the batch is durable.
    acknowledgements.push(
      (acks === -1 ? durable : written).catch((error: unknown) => void Object.assign(response, failed(index, error, broker))),
    )
    return response
  } catch (error) {
    return failed(index, error, broker)
  }
}

function produceErrorResponse(errorCode: number, request: { topicData: readonly TopicData[] }) {
  return {
    responses: request.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1, recordErrors: [], errorMessage: null })),
    })),
    throttleTimeMs: 0,
  }
}

const request = {
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
}

type Context = RequestContext<OutOf<typeof request>>

interface Appended {
  responses: { name: string; topicId: string; partitionResponses: PartitionResponse[] }[]
  /** They resolve when the appends are as durable as the request wants. */
  acknowledgements: Promise<void>[]
}

const topicOf = ({ name, topicId }: TopicData, { version, broker }: Context): Topic | undefined =>
  version >= 13 ? broker.cluster.topicById(topicId) : broker.cluster.topic(name)

type RefusedTopics = ReadonlyMap<TopicData, ErrorName>

/** The topics of the request that nothing may be appended to, whatever happens until the append; null for none. */
function refusedTopics(context: Context): RefusedTopics | null {
  const { request: produce, version, access } = context
  let refused: Map<TopicData, ErrorName> | null = null
  for (const data of produce.topicData) {
    const name = version >= 13 ? topicOf(data, context)?.name : data.name
    if (name !== undefined && access.allows('Write Topic', name, { references: data.partitionData.length })) continue
    refused ??= new Map()
    refused.set(data, name === undefined ? 'UNKNOWN_TOPIC_ID' : 'TOPIC_AUTHORIZATION_FAILED')
  }
  return refused
}

/** `verified` has the transactional batches, null for none. */
function appendAll(context: Context, refused: RefusedTopics | null, verified: VerifiedPartitions | null): Appended {
  const { request: produce, version, clientId, broker } = context
  const acknowledgements: Promise<void>[] = []
  const unknown = version >= 13 ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
  const responses = produce.topicData.map((data) => {
    const target = refused?.get(data) ?? topicOf(data, context) ?? unknown
    const partitionResponses = data.partitionData.map((partition) =>
      append(target, partition, produce.acks, clientId, broker, acknowledgements, verified),
    )
    return { name: data.name, topicId: data.topicId, partitionResponses }
  })
  return { responses, acknowledgements }
}

function respond(context: Context, { responses, acknowledgements }: Appended) {
  const finish = () => {
    if (context.request.acks !== 0) return { responses, throttleTimeMs: 0 }
    for (const { partitionResponses } of responses)
      for (const { errorCode: failure } of partitionResponses) if (failure !== 0) return closeConnection(context, failure)
    return null
  }
  if (acknowledgements.length === 0) return finish()
  // A request with acks=0 is in flight until its bytes are written as well: that throttles a producer that is faster than the disk.
  return (acknowledgements.length === 1 ? acknowledgements[0]! : Promise.all(acknowledgements)).then(finish)
}

/** With acks=0 there is no response: closing the connection is the only way to report an error. */
function closeConnection({ peer }: Context, error: number): null {
  peer.close(`a Produce with acks=0 failed with error ${error}`)
  return null
}

export default defineApi({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  advertised: [0, 13],
  flexible: 9,
  authorization: ['Write TransactionalId', 'Write Topic'],
  // A producer's pipelined batches share one group commit.
  concurrent: true,
  byteRate: 'producer',
  // Without a response, a client would not learn why it waits.
  isExempt: ({ acks }) => acks === 0,
  request,
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
  handle(context) {
    const { request: produce, version, broker, access } = context
    const { acks, transactionalId } = produce
    const fail = (code: number) => (acks === 0 ? closeConnection(context, code) : produceErrorResponse(code, produce))
    const isTransactional = hasTransactionalBatch(produce)
    if (isTransactional && (transactionalId === null || !access.allows('Write TransactionalId', transactionalId)))
      return fail(errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
    const refused = refusedTopics(context)
    if (!isTransactional || transactionalId === null) return respond(context, appendAll(context, refused, null))
    // A topic that the client may not write to joins no transaction.
    const transactional = transactionalBatches(produce, (data) => (refused?.has(data) ? undefined : topicOf(data, context)))
    if (transactional === null) return fail(errorCode('INVALID_PRODUCER_ID_MAPPING'))
    const { producerId, producerEpoch, batches } = transactional
    if (batches.length === 0) return respond(context, appendAll(context, refused, null))
    const operation = { addsPartitions: version >= 12, knowsAbortable: version >= 11 }
    const identity = { transactionalId, producerId, producerEpoch }
    const appended = broker.transactionVerifier.run(identity, batches, operation, (verified) =>
      appendAll(context, refused, forProducer(verified, operation.addsPartitions)),
    )
    return appended instanceof Promise ? appended.then((each) => respond(context, each)) : respond(context, appended)
  },
  errorResponse: (errorCode, request) => produceErrorResponse(errorCode, request),
})
