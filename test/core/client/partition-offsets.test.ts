/**
 * Goal: what partition leaders are asked reaches the right node, is repeated while the error is retriable, and ends with one outcome for
 * each partition. Method: two fake brokers that lead a partition each and whose answers the test gives.
 */
import { afterEach, describe, expect, it } from 'vitest'
import metadata from '../../../core/apis/03-metadata.ts'
import offsetForLeaderEpoch from '../../../core/apis/23-offset-for-leader-epoch.ts'
import { type Client, createClient } from '../../../core/client/index.ts'
import { errorCode } from '../../../core/errors.ts'
import { realClock } from '../../../core/system/clock.ts'
import { silentLogger } from '../../../core/system/logger.ts'
import { realRandom } from '../../../core/system/random.ts'
import { type FakeBroker, fakeBroker, topicId } from './fake-broker.ts'

interface EpochRequest {
  topics: { topic: string; partitions: { partition: number; currentLeaderEpoch: number; leaderEpoch: number }[] }[]
}

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of open.splice(0)) await part.close()
})

/** Broker 1 leads t-0 and t-2, broker 2 leads t-1. `epochs` are the leader epochs that Metadata names, by partition. */
async function cluster(
  epochs: number[],
): Promise<{ client: Client; brokers: FakeBroker[]; requests: [node: number, request: EpochRequest][] }> {
  const brokers = [await fakeBroker(), await fakeBroker()]
  const requests: [number, EpochRequest][] = []
  const nodes = brokers.map(({ port }, index) => ({ nodeId: index + 1, host: '127.0.0.1', port, rack: null }))
  const partitions = () =>
    epochs.map((leaderEpoch, partitionIndex) => ({
      errorCode: 0,
      partitionIndex,
      leaderId: partitionIndex === 1 ? 2 : 1,
      leaderEpoch,
      replicaNodes: [1],
      isrNodes: [1],
    }))
  for (const [index, broker] of brokers.entries()) {
    broker.on(metadata, (request: { topics: { name: string }[] }) => ({
      throttleTimeMs: 0,
      brokers: nodes,
      clusterId: 'fake',
      controllerId: 1,
      errorCode: 0,
      topics: request.topics.map(({ name }) => ({
        errorCode: name === 't' ? 0 : errorCode('UNKNOWN_TOPIC_OR_PARTITION'),
        name,
        topicId: topicId(name),
        partitions: name === 't' ? partitions() : [],
      })),
    }))
    broker.on(offsetForLeaderEpoch, (request: EpochRequest) => {
      requests.push([index + 1, request])
      const answer = ({ partition, currentLeaderEpoch, leaderEpoch }: EpochRequest['topics'][number]['partitions'][number]) => {
        const fenced = currentLeaderEpoch < 7
        return {
          partition,
          errorCode: fenced ? errorCode('FENCED_LEADER_EPOCH') : 0,
          leaderEpoch: fenced ? -1 : leaderEpoch,
          endOffset: fenced ? -1 : 100 + partition,
        }
      }
      return { throttleTimeMs: 0, topics: request.topics.map(({ topic, partitions: list }) => ({ topic, partitions: list.map(answer) })) }
    })
  }
  const client = createClient(
    { bootstrapServers: brokers[0]!.address, clientId: 'test', retryBackoffMs: 1, retryBackoffMaxMs: 5 },
    { clock: realClock, random: realRandom, logger: silentLogger },
  )
  open.push(client, ...brokers)
  return { client, brokers, requests }
}

describe('the end offsets of leader epochs', () => {
  it('come from each leader in one request, in the order of the partitions', async () => {
    const { client, requests } = await cluster([7, 7, 7])
    const places = [2, 1, 0].map((partition) => ({ topic: 't', partition, leaderEpoch: partition }))
    expect(await client.admin.offsetsForLeaderEpochs(places)).toEqual(
      places.map(({ topic, partition, leaderEpoch }) => ({ topic, partition, error: null, leaderEpoch, endOffset: 100 + partition })),
    )
    const places1 = requests.filter(([node]) => node === 1).map(([, { topics }]) => topics)
    expect(places1).toEqual([
      [
        {
          topic: 't',
          partitions: [
            { partition: 2, currentLeaderEpoch: 7, leaderEpoch: 2 },
            { partition: 0, currentLeaderEpoch: 7, leaderEpoch: 0 },
          ],
        },
      ],
    ])
    expect(requests).toHaveLength(2)
  })

  it('are requested again with the new epoch where the leader has fenced the old one', async () => {
    const epochs = [3]
    const { client, requests } = await cluster(epochs)
    await client.topic('t')
    epochs[0] = 7
    const [end] = await client.admin.offsetsForLeaderEpochs([{ topic: 't', partition: 0, leaderEpoch: 3 }])
    expect(end).toMatchObject({ error: null, endOffset: 100 })
    expect(requests.map(([, { topics }]) => topics[0]!.partitions[0]!.currentLeaderEpoch)).toEqual([3, 7])
  })

  it('say for each partition where its topic does not exist', async () => {
    const { client } = await cluster([7])
    const ends = await client.admin.offsetsForLeaderEpochs([
      { topic: 'no-such-topic', partition: 0, leaderEpoch: 0 },
      { topic: 't', partition: 0, leaderEpoch: 5 },
    ])
    expect(ends).toMatchObject([
      { error: 'UNKNOWN_TOPIC_OR_PARTITION', leaderEpoch: -1, endOffset: -1 },
      { error: null, leaderEpoch: 5, endOffset: 100 },
    ])
  })

  it('say UNSUPPORTED_VERSION where the leader is too old for the request', async () => {
    const { client, brokers } = await cluster([7])
    // ApiVersions names what has a handler; the oldest known version of this one is 2.
    brokers[0]!.on({ ...offsetForLeaderEpoch, versions: [0, 1] }, () => 'silence')
    expect(await client.admin.offsetsForLeaderEpochs([{ topic: 't', partition: 0, leaderEpoch: 5 }])).toEqual([
      { topic: 't', partition: 0, error: 'UNSUPPORTED_VERSION', leaderEpoch: -1, endOffset: -1 },
    ])
  })
})
