/**
 * Looks at a cluster from outside of the workload: creates its topics, and asks for the ends of partitions, the positions of groups and the
 * transactions that are open. One request per connection, again until one is answered, so that it outlives a killed broker.
 */
import listOffsets from '../../core/apis/02-list-offsets.ts'
import offsetFetch from '../../core/apis/09-offset-fetch.ts'
import findCoordinator from '../../core/apis/10-find-coordinator.ts'
import createTopics from '../../core/apis/19-create-topics.ts'
import listTransactions from '../../core/apis/66-list-transactions.ts'
import { errorCode } from '../../core/errors.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { until } from '../until.ts'
import type { PartitionEnd } from './history.ts'
import { keyOf, partitionsOf, type Topic, topics } from './scene.ts'

const LATEST = -1
/** The states in which a transaction is not at its end. */
const OPEN_STATES = ['Ongoing', 'PrepareCommit', 'PrepareAbort', 'PrepareEpochFence']

export class Inspector {
  readonly #port: number
  /** How long it asks again. */
  readonly #answerMs: number

  constructor(bootstrap: string, answerMs: number) {
    this.#answerMs = answerMs
    this.#port = Number(bootstrap.slice(bootstrap.lastIndexOf(':') + 1))
  }

  async createTopics(): Promise<void> {
    const answer = await this.#ask('the topics are created', (client) =>
      client.send(createTopics, 7, {
        topics: Object.entries(topics).map(([name, numPartitions]) => ({
          name,
          numPartitions,
          replicationFactor: 1,
          assignments: [],
          configs: [],
        })),
        timeoutMs: 10_000,
        validateOnly: false,
      }),
    )
    const failed = answer.topics.find((topic) => topic.errorCode !== 0)
    if (failed) throw new Error(`CreateTopics ${failed.name}: ${failed.errorMessage}`)
  }

  async ends(of: readonly Topic[]): Promise<PartitionEnd[]> {
    return this.#ask('the ends of all partitions', async (client) => {
      // In this order the last stable offset is never above the end.
      const stable = await offsets(client, of, 1)
      const ends = await offsets(client, of, 0)
      return [...ends].map(([key, endOffset]) => ({ key, endOffset, lastStableOffset: stable.get(key)! }))
    })
  }

  /** Waits while a transaction on the group's positions is open, as consumers do. */
  async committed(groupId: string, of: Topic): Promise<Map<string, number>> {
    return this.#ask(`the positions of ${groupId}`, async (client) => {
      await client.send(findCoordinator, 4, { keyType: 0, coordinatorKeys: [groupId] })
      const { groups } = await client.send(offsetFetch, 8, {
        groups: [{ groupId, topics: [{ name: of, partitionIndexes: partitionsOf(of) }] }],
        requireStable: true,
      })
      const [group] = groups
      const answers = group!.topics.flatMap(({ partitions }) => partitions)
      const failed = [group!.errorCode, ...answers.map((answer) => answer.errorCode)].find((code) => code !== 0)
      if (failed) throw new Error(`OffsetFetch: error ${failed}${failed === errorCode('UNSTABLE_OFFSET_COMMIT') ? ', not stable' : ''}`)
      return new Map(answers.map(({ partitionIndex, committedOffset }) => [keyOf(of, partitionIndex), committedOffset]))
    })
  }

  /** Transactions that are not at their end, as `id: state`. */
  async openTransactions(): Promise<string[]> {
    return this.#ask('the open transactions', async (client) => {
      const answer = await client.send(listTransactions, 0, { stateFilters: OPEN_STATES, producerIdFilters: [] })
      if (answer.errorCode !== 0) throw new Error(`ListTransactions: error ${answer.errorCode}`)
      return answer.transactionStates.map(({ transactionalId, transactionState }) => `${transactionalId}: ${transactionState}`)
    })
  }

  #ask<T>(what: string, ask: (client: RawClient) => Promise<T>): Promise<T> {
    let answer: T
    return until(
      async () => {
        const client = await rawClient(this.#port)
        try {
          answer = await ask(client)
          return true
        } finally {
          client.close()
        }
      },
      what,
      this.#answerMs,
    ).then(() => answer)
  }
}

async function offsets(client: RawClient, of: readonly Topic[], isolationLevel: number): Promise<Map<string, number>> {
  const answer = await client.send(listOffsets, 4, {
    replicaId: -1,
    isolationLevel,
    topics: of.map((name) => ({
      name,
      partitions: partitionsOf(name).map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp: LATEST })),
    })),
  })
  const partitions = answer.topics.flatMap(({ name, partitions }) =>
    partitions.map((at) => ({ ...at, key: keyOf(name, at.partitionIndex) })),
  )
  const failed = partitions.find((at) => at.errorCode !== 0)
  if (failed) throw new Error(`ListOffsets ${failed.key}: error ${failed.errorCode}`)
  return new Map(partitions.map(({ key, offset }) => [key, offset]))
}
