/**
 * Requests of producers about their ids and transactions.
 */
import initProducerId from '../../core/apis/22-init-producer-id.ts'
import addPartitionsToTxn from '../../core/apis/24-add-partitions-to-txn.ts'
import addOffsetsToTxn from '../../core/apis/25-add-offsets-to-txn.ts'
import endTxn from '../../core/apis/26-end-txn.ts'
import writeTxnMarkers from '../../core/apis/27-write-txn-markers.ts'
import txnOffsetCommit from '../../core/apis/28-txn-offset-commit.ts'
import describeTransactions from '../../core/apis/65-describe-transactions.ts'
import listTransactions from '../../core/apis/66-list-transactions.ts'
import { CLUSTER_NAME } from '../../core/security/authorizer.ts'
import { committed, errors, MISSING, names, ofTopics, topics, unknownProducer } from './cluster.ts'
import type { AuthorizedRequest, Need } from './types.ts'

const { TOPIC, GROUP, CLUSTER, TRANSACTION } = errors

export const transactionRequests: readonly AuthorizedRequest[] = [
  {
    name: 'InitProducerId',
    api: initProducerId,
    needs: [
      ['IdempotentWrite Cluster', CLUSTER_NAME, ''],
      ['Write Topic', 'data-a', ''],
    ],
    request: () => ({ transactionalId: null, transactionTimeoutMs: 60_000 }),
  },
  {
    name: 'InitProducerId with half an identity',
    api: initProducerId,
    versions: [3, 5],
    needs: [['IdempotentWrite Cluster', CLUSTER_NAME, '']],
    request: () => ({ transactionalId: null, transactionTimeoutMs: 60_000, producerId: 5, producerEpoch: -1 }),
  },
  {
    name: 'InitProducerId of a transactional id',
    api: initProducerId,
    needs: [['Write TransactionalId', 'tx-<unique>', `${TRANSACTION} 1`]],
    request: (_, __, unique) => ({ transactionalId: `tx-${unique}`, transactionTimeoutMs: 60_000 }),
  },
  {
    name: 'InitProducerId of an empty transactional id',
    api: initProducerId,
    needs: [['Write TransactionalId', '*', '']],
    request: () => ({ transactionalId: '', transactionTimeoutMs: 60_000 }),
  },
  {
    name: 'AddPartitionsToTxn',
    api: addPartitionsToTxn,
    versions: [0, 3],
    needs: [['Write TransactionalId', 'tx-x', `${TRANSACTION} 2`], ...ofTopics('Write Topic', `${TOPIC} 1`, topics)],
    request: () => ({
      transactions: [],
      v3AndBelowTransactionalId: 'tx-x',
      v3AndBelowProducerId: 4242,
      v3AndBelowProducerEpoch: 0,
      v3AndBelowTopics: topics.map((name) => ({ name, partitions: [0] })),
    }),
  },
  {
    name: 'AddPartitionsToTxn of topics that no client may add',
    isRefusedAnyway: true,
    api: addPartitionsToTxn,
    versions: [0, 3],
    needs: [
      ['Write TransactionalId', 'tx-x', `${TRANSACTION} 4`],
      ...ofTopics('Write Topic', `${TOPIC} 2`, topics),
      ['Write Topic', MISSING, `${TOPIC} 2`],
    ],
    request: () => ({
      transactions: [],
      v3AndBelowTransactionalId: 'tx-x',
      v3AndBelowProducerId: 4242,
      v3AndBelowProducerEpoch: 0,
      v3AndBelowTopics: [...names, '__consumer_offsets'].map((name) => ({ name, partitions: [0] })),
    }),
  },
  {
    name: 'AddPartitionsToTxn of a broker',
    api: addPartitionsToTxn,
    versions: [4, 5],
    needs: [['ClusterAction Cluster', CLUSTER_NAME, `${CLUSTER} 1`]],
    request: () => ({
      transactions: ['tx-x', 'tx-y'].map((transactionalId) => ({
        ...{ transactionalId, ...unknownProducer, verifyOnly: true },
        topics: topics.map((name) => ({ name, partitions: [0] })),
      })),
      ...{ v3AndBelowTransactionalId: '', v3AndBelowProducerId: 0, v3AndBelowProducerEpoch: 0, v3AndBelowTopics: [] },
    }),
  },
  {
    name: 'AddOffsetsToTxn',
    api: addOffsetsToTxn,
    needs: [
      ['Write TransactionalId', 'tx-x', `${TRANSACTION} 1`],
      ['Read Group', 'group-a', `${GROUP} 1`],
    ],
    request: () => ({ transactionalId: 'tx-x', ...unknownProducer, groupId: 'group-a' }),
  },
  {
    name: 'EndTxn',
    api: endTxn,
    needs: [['Write TransactionalId', 'tx-x', `${TRANSACTION} 1`]],
    request: () => ({ transactionalId: 'tx-x', ...unknownProducer, committed: true }),
  },
  {
    name: 'WriteTxnMarkers',
    api: writeTxnMarkers,
    needs: [
      ['Alter Cluster', CLUSTER_NAME, ''],
      ['ClusterAction Cluster', CLUSTER_NAME, ''],
    ],
    request: () => ({
      markers: [
        {
          ...{ producerId: 777, producerEpoch: 0, transactionResult: false, coordinatorEpoch: 0 },
          topics: [{ name: MISSING, partitionIndexes: [0, 1] }],
        },
      ],
    }),
  },
  {
    name: 'TxnOffsetCommit',
    api: txnOffsetCommit,
    needs: [['Write TransactionalId', 'tx-x', `${TRANSACTION} 3`], ['Read Group', 'group-a', `${GROUP} 3`], ...ofTopics('Read Topic')],
    request: (cluster) => ({ transactionalId: 'tx-x', groupId: 'group-a', ...unknownProducer, memberId: '', topics: committed(cluster) }),
  },
  {
    name: 'DescribeTransactions',
    api: describeTransactions,
    needs: [
      ...['tx-a', 'tx-b', 'tx-missing'].map((id): Need => ['Describe TransactionalId', id, `${TRANSACTION} 1`]),
      ...topics.map((name): Need => ['Describe Topic', name, `hides ${name}`]),
    ],
    request: () => ({ transactionalIds: ['tx-a', 'tx-b', 'tx-missing'] }),
  },
  {
    name: 'ListTransactions',
    api: listTransactions,
    needs: ['tx-a', 'tx-b'].map((id): Need => ['Describe TransactionalId', id, `hides ${id}`]),
    request: () => ({ stateFilters: [], producerIdFilters: [], transactionalIdPattern: 'tx-[ab]' }),
  },
]
