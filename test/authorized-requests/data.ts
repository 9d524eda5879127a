/**
 * Requests about the records of topics, and about topics.
 */
import produce from '../../core/apis/00-produce.ts'
import fetch from '../../core/apis/01-fetch.ts'
import listOffsets from '../../core/apis/02-list-offsets.ts'
import metadata from '../../core/apis/03-metadata.ts'
import deleteRecords from '../../core/apis/21-delete-records.ts'
import offsetForLeaderEpoch from '../../core/apis/23-offset-for-leader-epoch.ts'
import describeProducers from '../../core/apis/61-describe-producers.ts'
import describeTopicPartitions from '../../core/apis/75-describe-topic-partitions.ts'
import { CLUSTER_NAME } from '../../core/security/authorizer.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { errors, everything, fetched, idOf, named, names, ofTopics, produced, records, topics, transactional } from './cluster.ts'
import type { AuthorizedRequest, Need } from './types.ts'

const { TOPIC, TRANSACTION } = errors

export const dataRequests: readonly AuthorizedRequest[] = [
  {
    name: 'Produce',
    api: produce,
    versions: [3, 12],
    needs: ofTopics('Write Topic'),
    request: (cluster) => ({ acks: -1, ...produced(cluster, () => records(1)) }),
  },
  {
    name: 'Produce by topic id',
    api: produce,
    versions: [13, 13],
    needs: ofTopics('Write Topic', `${TOPIC} 1`, topics),
    request: (cluster) => ({ acks: -1, ...produced(cluster, () => records(1)) }),
  },
  {
    name: 'Produce with invalid acks',
    api: produce,
    needs: ofTopics('Write Topic', `${TOPIC} 1`, topics),
    request: (cluster) => ({ acks: 2, ...produced(cluster, () => records(1)) }),
  },
  {
    name: 'Produce with acks=0',
    api: produce,
    needs: ofTopics('Write Topic', 'closed', topics),
    noResponse: true,
    request: (cluster) => ({ acks: 0, ...produced(cluster, () => records(1), topics) }),
  },
  // CVE-2018-17196: the transactional id is asked about as well.
  {
    name: 'Produce in a transaction',
    api: produce,
    needs: [['Write TransactionalId', 'tx-p', `${TRANSACTION} 3`], ...ofTopics('Write Topic', `${TOPIC} 1`, topics)],
    request: (cluster) => ({ acks: -1, transactionalId: 'tx-p', ...produced(cluster, () => records(1, transactional)) }),
  },
  {
    name: 'Produce of a transactional batch without its transactional id',
    isRefusedAnyway: true,
    api: produce,
    needs: ofTopics('Write Topic', `${TRANSACTION} 3`, topics),
    request: (cluster) => ({ acks: -1, ...produced(cluster, () => records(1, transactional)) }),
  },
  {
    name: 'Fetch',
    api: fetch,
    versions: [4, 12],
    needs: ofTopics('Read Topic'),
    request: fetched,
  },
  {
    name: 'Fetch by topic id',
    api: fetch,
    versions: [13, 18],
    needs: ofTopics('Read Topic', `${TOPIC} 1`, topics),
    request: fetched,
  },
  // CVE-2018-1288: Read is not enough.
  {
    name: 'Fetch of a replica',
    api: fetch,
    needs: [['ClusterAction Cluster', CLUSTER_NAME, `${TOPIC} 3`]],
    request: (cluster) => ({ ...fetched(cluster), replicaId: 5, replicaState: { replicaId: 5, replicaEpoch: 1 } }),
  },
  {
    name: 'ListOffsets',
    api: listOffsets,
    needs: ofTopics('Describe Topic', `${TOPIC} 2`),
    request: () => ({
      replicaId: -1,
      isolationLevel: 0,
      topics: names.map((name) => ({ name, partitions: [0, 1].map((partitionIndex) => ({ partitionIndex, timestamp: -2 })) })),
    }),
  },
  {
    name: 'Metadata of all topics',
    api: metadata,
    needs: [
      ...topics.map((name): Need => ['Describe Topic', name, `hides ${name}`]),
      ['Describe Topic', '__consumer_offsets', 'hides __consumer_offsets'],
    ],
    request: (_, version) => ({ topics: version === 0 ? [] : null, allowAutoTopicCreation: true, ...everything }),
  },
  {
    name: 'Metadata of topics',
    api: metadata,
    versions: [4, 13],
    needs: [...ofTopics('Describe Topic'), ['Describe Cluster', CLUSTER_NAME, '']],
    request: () => ({ topics: [...names, '__transaction_state', 'a b'].map(named), allowAutoTopicCreation: false, ...everything }),
  },
  {
    name: 'Metadata of topics by id',
    api: metadata,
    versions: [12, 13],
    needs: ofTopics('Describe Topic', `${TOPIC} 1`, topics),
    request: (cluster) => ({
      topics: [...names.map((name) => ({ name: null, topicId: idOf(cluster, name) })), named('data-a')],
      allowAutoTopicCreation: true,
      ...everything,
    }),
  },
  {
    name: 'Metadata of a topic without a name, in a version that has names only',
    api: metadata,
    versions: [10, 11],
    needs: [['Describe Topic', 'data-a', '']],
    request: () => ({ topics: [named('data-a'), { name: null, topicId: ZERO_UUID }], allowAutoTopicCreation: false }),
  },
  {
    name: 'Metadata of a topic by id, in a version that has names only',
    api: metadata,
    versions: [10, 11],
    needs: [['Describe Topic', 'data-a', '']],
    request: (cluster) => ({ topics: [{ name: 'data-a', topicId: idOf(cluster, 'data-a') }], allowAutoTopicCreation: false }),
  },
  {
    name: 'Metadata that creates a topic',
    api: metadata,
    passing: ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE'],
    needs: [
      ['Describe Topic', 'auto-<unique>', `${TOPIC} 1`],
      ['Create Topic', 'auto-<unique>', ''],
    ],
    request: (_, __, unique) => ({ topics: [named('data-a'), named(`auto-${unique}`)], allowAutoTopicCreation: true, ...everything }),
  },
  {
    name: 'Metadata that creates a topic, by a right on the cluster',
    api: metadata,
    passing: ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE'],
    needs: [
      ['Describe Topic', 'auto-<unique>', `${TOPIC} 1`],
      ['Create Cluster', CLUSTER_NAME, ''],
    ],
    request: (_, __, unique) => ({ topics: [named(`auto-${unique}`)], allowAutoTopicCreation: true, ...everything }),
  },
  {
    name: 'DeleteRecords',
    api: deleteRecords,
    needs: ofTopics('Delete Topic'),
    request: () => ({ topics: names.map((name) => ({ name, partitions: [{ partitionIndex: 0, offset: 0 }] })), timeoutMs: 5000 }),
  },
  {
    name: 'OffsetForLeaderEpoch',
    api: offsetForLeaderEpoch,
    without: 'ClusterAction Cluster kafka-cluster',
    needs: ofTopics('Describe Topic'),
    request: () => ({
      replicaId: -2,
      topics: names.map((topic) => ({ topic, partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] })),
    }),
  },
  {
    name: 'OffsetForLeaderEpoch by a right on the cluster',
    api: offsetForLeaderEpoch,
    needs: [
      ['ClusterAction Cluster', CLUSTER_NAME, ''],
      ['Describe Topic', 'data-a', ''],
    ],
    request: () => ({
      replicaId: 5,
      topics: ['data-a'].map((topic) => ({ topic, partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] })),
    }),
  },
  {
    name: 'DescribeProducers',
    api: describeProducers,
    needs: ofTopics('Read Topic', `${TOPIC} 2`),
    request: () => ({ topics: [...names, 'a b'].map((name) => ({ name, partitionIndexes: [0, 9] })) }),
  },
  {
    name: 'DescribeTopicPartitions',
    api: describeTopicPartitions,
    needs: ofTopics('Describe Topic'),
    request: () => ({ topics: names.map((name) => ({ name })) }),
  },
  {
    name: 'DescribeTopicPartitions in pages',
    api: describeTopicPartitions,
    needs: ofTopics('Describe Topic'),
    request: () => ({
      topics: names.map((name) => ({ name })),
      responsePartitionLimit: 1,
      cursor: { topicName: 'data-a', partitionIndex: 1 },
    }),
  },
  {
    name: 'DescribeTopicPartitions of all topics',
    api: describeTopicPartitions,
    needs: topics.map((name): Need => ['Describe Topic', name, `hides ${name}`]),
    request: () => ({ topics: [] }),
  },
]
