/**
 * Goal: each error of each request of a transaction is retried, ends the transaction or ends the producer, and what is sent is what the
 * protocol asks for. Method: a fake broker that responds by a plan of errors, with and without transaction.version 2.
 */
import { describe, expect, it, onTestFinished } from 'vitest'
import produce from '../../../../core/apis/00-produce.ts'
import findCoordinator from '../../../../core/apis/10-find-coordinator.ts'
import apiVersions from '../../../../core/apis/18-api-versions.ts'
import initProducerId from '../../../../core/apis/22-init-producer-id.ts'
import addPartitionsToTxn from '../../../../core/apis/24-add-partitions-to-txn.ts'
import addOffsetsToTxn from '../../../../core/apis/25-add-offsets-to-txn.ts'
import endTxn from '../../../../core/apis/26-end-txn.ts'
import txnOffsetCommit from '../../../../core/apis/28-txn-offset-commit.ts'
import { createClient, isAbortable, isFatal, isFenced, type TransactionalProducerSettings } from '../../../../core/client/index.ts'
import { type ErrorName, errorCode } from '../../../../core/errors.ts'
import { attributes, readBatchHeader } from '../../../../core/wire/batch-header.ts'
import { decodeRecords } from '../../../../core/wire/record-batch.ts'
import { until } from '../../../until.ts'
import { fakeBroker, topicId } from '../fake-broker.ts'
import { system } from '../scenarios.ts'

interface Stored {
  partition: number
  values: string[]
  epoch: number
  sequence: number
  transactional: boolean
  transactionalId: string | null
}

type Plan = Partial<Record<string, (ErrorName | 'hang up' | 'silence')[]>>

/** A coordinator and leader of topic `t`: for each request of an API the next entry of the plan, then success. */
async function cluster(v2: boolean, plan: Plan = {}, settings: Partial<TransactionalProducerSettings> = {}) {
  const broker = await fakeBroker({ t: 4 })
  const stored: Stored[] = []
  const offsets: { partition: number; offset: number }[][] = []
  const added: number[][] = []
  const ends: boolean[] = []
  let epoch = 0
  const next = (api: string) => plan[api]?.shift() ?? 'NONE'
  const answer = <T extends object>(api: string, make: (error: number) => T) => {
    const name = next(api)
    return name === 'hang up' || name === 'silence' ? name : make(errorCode(name))
  }
  broker.on(findCoordinator, ({ coordinatorKeys, keyType }) => ({
    throttleTimeMs: 0,
    coordinators: coordinatorKeys.map((key: string) => ({
      key: `${keyType}/${key}`,
      nodeId: 1,
      host: '127.0.0.1',
      port: broker.port,
      errorCode: 0,
      errorMessage: null,
    })),
  }))
  broker.on(initProducerId, ({ producerEpoch }) =>
    answer('InitProducerId', (error) => {
      if (error === 0 && producerEpoch >= 0) epoch++
      return { throttleTimeMs: 0, errorCode: error, producerId: 5, producerEpoch: epoch }
    }),
  )
  broker.on(addPartitionsToTxn, ({ v3AndBelowTopics }) =>
    answer('AddPartitionsToTxn', (error) => {
      added.push(v3AndBelowTopics[0].partitions)
      return {
        throttleTimeMs: 0,
        resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }: { name: string; partitions: number[] }) => ({
          name,
          resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: error })),
        })),
      }
    }),
  )
  broker.on(addOffsetsToTxn, () => answer('AddOffsetsToTxn', (error) => ({ throttleTimeMs: 0, errorCode: error })))
  broker.on(txnOffsetCommit, ({ topics }) =>
    answer('TxnOffsetCommit', (error) => {
      const [{ name, partitions }] = topics
      offsets.push(
        partitions.map(({ partitionIndex, committedOffset }: { partitionIndex: number; committedOffset: number }) => ({
          partition: partitionIndex,
          offset: committedOffset,
        })),
      )
      // The error is that of the last partition; the others succeed.
      const last = partitions.length - 1
      return {
        throttleTimeMs: 0,
        topics: [
          {
            name,
            partitions: partitions.map(({ partitionIndex }: { partitionIndex: number }, index: number) => ({
              partitionIndex,
              errorCode: index === last ? error : 0,
            })),
          },
        ],
      }
    }),
  )
  broker.on(endTxn, ({ committed }) =>
    answer('EndTxn', (error) => {
      if (error === 0) {
        ends.push(committed)
        if (v2) epoch++
      }
      return { throttleTimeMs: 0, errorCode: error, ...(error === 0 ? { producerId: 5, producerEpoch: epoch } : {}) }
    }),
  )
  broker.on(produce, ({ transactionalId, topicData }) =>
    answer('Produce', (error) => ({
      responses: topicData.map((topic: { partitionData: { index: number; records: Buffer }[] }) => ({
        name: 't',
        topicId: topicId('t'),
        partitionResponses: topic.partitionData.map(({ index, records }) => {
          const header = readBatchHeader(records)
          if (error === 0)
            stored.push({
              partition: index,
              values: decodeRecords(records).map(({ value }) => value!.toString()),
              epoch: header.producerEpoch,
              sequence: header.baseSequence,
              transactional: (header.attributes & attributes.transactional) !== 0,
              transactionalId,
            })
          return { index, errorCode: error, baseOffset: error === 0 ? 0 : -1, recordErrors: [], errorMessage: null }
        }),
      })),
      throttleTimeMs: 0,
    })),
  )
  const versions = broker.handler(apiVersions)
  broker.on(apiVersions, async (request, version) => ({
    ...((await versions(request, version)) as object),
    finalizedFeaturesEpoch: 1,
    finalizedFeatures: v2 ? [{ name: 'transaction.version', minVersionLevel: 2, maxVersionLevel: 2 }] : [],
  }))
  const client = createClient(
    { bootstrapServers: broker.address, clientId: 'test', retryBackoffMs: 1, retryBackoffMaxMs: 4, reconnectBackoffMs: 1 },
    system,
  )
  onTestFinished(async () => {
    await client.close()
    await broker.close()
  })
  const producer = client.producer({ transactionalId: 'tx', ...settings })
  return { broker, client, producer, stored, offsets, added, ends, sentOf: (api: string) => broker.requests.filter((name) => name === api) }
}

const record = (value: string, partition = 0) => ({ topic: 't', partition, key: null, value: Buffer.from(value) })
const group = { groupId: 'g', generationId: 3, memberId: 'm' }
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )

describe.each([2, 1])('with transaction.version %i', (version) => {
  const v2 = version === 2

  it('sends what the protocol asks for, and nothing else', async () => {
    const { producer, stored, added, offsets, ends, broker } = await cluster(v2)
    await producer.initTransactions()
    for (const round of [0, 1]) {
      producer.beginTransaction()
      await producer.send([record(`a${round}`, 0), record(`b${round}`, 2)])
      await producer.send([record(`c${round}`, 0)])
      await producer.sendOffsets([{ topic: 't', partition: 1, offset: 7 + round }], group)
      await producer.commitTransaction()
    }
    expect(broker.requests.filter((name) => !['ApiVersions', 'Metadata', 'FindCoordinator'].includes(name))).toEqual([
      'InitProducerId',
      ...[0, 1].flatMap(() => [
        ...(v2 ? [] : ['AddPartitionsToTxn']),
        'Produce',
        'Produce',
        ...(v2 ? [] : ['AddOffsetsToTxn']),
        'TxnOffsetCommit',
        'EndTxn',
      ]),
    ])
    expect(added).toEqual(
      v2
        ? []
        : [
            [0, 2],
            [0, 2],
          ],
    )
    expect(offsets.flat()).toEqual([
      { partition: 1, offset: 7 },
      { partition: 1, offset: 8 },
    ])
    expect(ends).toEqual([true, true])
    expect(stored.every(({ transactional, transactionalId }) => transactional && transactionalId === 'tx')).toBe(true)
    const numbers = stored.filter(({ partition }) => partition === 0).map(({ epoch, sequence }) => [epoch, sequence])
    expect(numbers).toEqual(
      v2
        ? [
            [0, 0],
            [0, 1],
            [1, 0],
            [1, 1],
          ]
        : [
            [0, 0],
            [0, 1],
            [0, 2],
            [0, 3],
          ],
    )
  })

  it('repeats what is retriable, at the coordinator that FindCoordinator names again', async () => {
    const retried: ErrorName[] = ['CONCURRENT_TRANSACTIONS', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR']
    const apis = ['InitProducerId', 'AddPartitionsToTxn', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn']
    const plan: Plan = Object.fromEntries(apis.map((api) => [api, [...retried, 'hang up' as const]]))
    const { producer, stored, offsets, sentOf } = await cluster(v2, {
      ...plan,
      Produce: ['CONCURRENT_TRANSACTIONS', 'NOT_ENOUGH_REPLICAS'],
    })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send([record('a')])
    await producer.sendOffsets(
      [
        { topic: 't', partition: 0, offset: 1 },
        { topic: 't', partition: 1, offset: 2 },
      ],
      group,
    )
    await producer.commitTransaction()
    for (const api of apis) expect(sentOf(api), api).toHaveLength(v2 && api.startsWith('Add') ? 0 : 5)
    expect(sentOf('FindCoordinator').length).toBeGreaterThanOrEqual(v2 ? 8 : 12)
    expect(stored.map(({ values, sequence }) => [values, sequence])).toEqual([[['a'], 0]])
    // Partitions that have succeeded are not sent again.
    expect(offsets.map((list) => list.map(({ partition }) => partition))).toEqual([[0, 1], [1], [1], [1]])
  })

  const requests: [api: string, run: 'send' | 'sendOffsets' | 'commit'][] = [
    ['AddPartitionsToTxn', 'send'],
    ['AddOffsetsToTxn', 'sendOffsets'],
    ['TxnOffsetCommit', 'sendOffsets'],
    ['Produce', 'send'],
    ['EndTxn', 'commit'],
  ]
  const sent = requests.filter(([api]) => !(v2 && api.startsWith('Add')))
  const ended = (error: ErrorName) => sent.map(([api, run]) => [api, run, error] as const)

  it.each(ended('TRANSACTION_ABORTABLE'))('goes on after %s has failed in %s with %s and was aborted', async (api, run, error) => {
    const { producer, ends, stored } = await cluster(v2, { [api]: [error] })
    await producer.initTransactions()
    producer.beginTransaction()
    const work = async () => {
      await producer.send([record('a')])
      await producer.sendOffsets([{ topic: 't', partition: 0, offset: 1 }], group)
      await producer.commitTransaction()
    }
    expect(await failureOf(work())).toSatisfy(isAbortable)
    await producer.abortTransaction()
    producer.beginTransaction()
    await work()
    const nothingBegan = api === 'AddPartitionsToTxn'
    expect(ends).toEqual(nothingBegan ? [true] : [false, true])
    expect(stored.filter(({ values }) => values.includes('a')).length).toBe(run === 'send' ? 1 : 2)
  })

  it.each(ended('INVALID_PRODUCER_ID_MAPPING'))('ends the producer after %s has failed in %s with %s', async (api, _run, error) => {
    const { producer } = await cluster(v2, { [api]: [error] })
    await producer.initTransactions()
    producer.beginTransaction()
    const failure = await failureOf(
      producer
        .send([record('a')])
        .then(() => producer.sendOffsets([{ topic: 't', partition: 0, offset: 1 }], group))
        .then(() => producer.commitTransaction()),
    )
    expect([isFatal(failure), isFenced(failure)]).toEqual([true, false])
    await expect(producer.abortTransaction()).rejects.toThrow('INVALID_PRODUCER_ID_MAPPING')
    await producer.close()
  })

  it('raises the epoch after a batch that was sent and has failed', async () => {
    const { producer, stored, sentOf } = await cluster(v2, { Produce: ['INVALID_RECORD'] })
    await producer.initTransactions()
    producer.beginTransaction()
    expect(await failureOf(producer.send([record('a')]))).toSatisfy(isAbortable)
    await producer.abortTransaction()
    producer.beginTransaction()
    await producer.send([record('b')])
    await producer.commitTransaction()
    expect(stored).toMatchObject([{ values: ['b'], epoch: 1, sequence: 0 }])
    // EndTxn has raised it with transaction.version 2.
    expect(sentOf('InitProducerId')).toHaveLength(v2 ? 1 : 2)
  })

  it('fails what was not sent when the transaction is aborted, and sends again what may have been', async () => {
    const { broker, producer, stored, ends, sentOf } = await cluster(v2, {}, { maxInFlight: 1 })
    const appended = broker.handler(produce)
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    broker.on(produce, async () => {
      broker.on(produce, appended)
      await released
      return 'hang up'
    })
    await producer.initTransactions()
    producer.beginTransaction()
    const first = producer.send([record('a')])
    await until(() => sentOf('Produce').length === 1, 'the first batch is in flight')
    const rest = failureOf(producer.send([record('b'), record('c', 3)]))
    const aborting = producer.abortTransaction()
    expect(await rest).toSatisfy(isAbortable)
    expect(ends).toEqual([])
    release()
    await aborting
    await first
    expect(stored.map(({ values }) => values)).toEqual([['a']])
    expect(ends).toEqual([false])
    expect(producer.pendingBytes).toBe(0)
  })

  it('splits a batch that is too large within its transaction', async () => {
    const { producer, stored } = await cluster(v2, { Produce: ['MESSAGE_TOO_LARGE'] })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send([record('a'), record('b'), record('c')])
    await producer.commitTransaction()
    expect(stored).toMatchObject([
      { values: ['a', 'b'], sequence: 0, transactional: true },
      { values: ['c'], sequence: 2, transactional: true },
    ])
  })

  it('does not wait for a group that does not respond when it is aborted', async () => {
    const { producer, ends } = await cluster(v2, { TxnOffsetCommit: Array(100).fill('COORDINATOR_NOT_AVAILABLE') }, { maxBlockMs: 200 })
    await producer.initTransactions()
    producer.beginTransaction()
    expect(await failureOf(producer.sendOffsets([{ topic: 't', partition: 0, offset: 1 }], group))).toMatchObject({
      error: 'REQUEST_TIMED_OUT',
    })
    await producer.abortTransaction()
    expect(ends).toEqual([false])
    producer.beginTransaction()
  })

  it('closes in bounded time while the coordinator is silent', async () => {
    const { producer } = await cluster(v2, { EndTxn: Array(100).fill('silence') }, { maxBlockMs: 100 })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send([record('a')])
    const committing = failureOf(producer.commitTransaction())
    expect(await committing).toMatchObject({ error: 'REQUEST_TIMED_OUT', message: expect.stringContaining('call it again') })
    await producer.close()
    expect(await failureOf(producer.commitTransaction())).toBeInstanceOf(Error)
  })
})

it('may be initialized again where it was not authorized', async () => {
  const { producer } = await cluster(true, { InitProducerId: ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED'] })
  await expect(producer.initTransactions()).rejects.toThrow('call initTransactions() again')
  await producer.initTransactions()
  producer.beginTransaction()
})

it('cannot be used after a transaction timeout that the cluster refuses', async () => {
  const { producer } = await cluster(true, { InitProducerId: ['INVALID_TRANSACTION_TIMEOUT'] })
  expect(await failureOf(producer.initTransactions())).toSatisfy(isFatal)
  await expect(producer.initTransactions()).rejects.toThrow('INVALID_TRANSACTION_TIMEOUT')
})

it('fencing ends when the client closes', async () => {
  const { client, sentOf } = await cluster(true, { InitProducerId: ['silence'] })
  const fencing = client.admin.fenceProducers(['a', 'b'])
  await until(() => sentOf('InitProducerId').length > 0, 'the request')
  await client.close()
  expect([...(await fencing).values()]).toEqual([expect.any(Error), expect.any(Error)])
})
