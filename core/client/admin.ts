/**
 * The admin calls: topics, configs, offsets, groups, the cluster. Each finds the node that can answer. A call about one thing throws; a call
 * about many gives an error for each.
 */
import describeGroups from '../apis/15-describe-groups.ts'
import listGroups from '../apis/16-list-groups.ts'
import createTopics from '../apis/19-create-topics.ts'
import deleteTopics from '../apis/20-delete-topics.ts'
import deleteRecords from '../apis/21-delete-records.ts'
import describeConfigs from '../apis/32-describe-configs.ts'
import createPartitions from '../apis/37-create-partitions.ts'
import deleteGroups from '../apis/42-delete-groups.ts'
import incrementalAlterConfigs from '../apis/44-incremental-alter-configs.ts'
import describeCluster from '../apis/60-describe-cluster.ts'
import { errorName, KafkaError } from '../errors.ts'
import { byTopic, partitionKey } from '../topic-partition.ts'
import { askCoordinator, commitOffsets, fetchCommitted } from './group-offsets.ts'
import { requestFromLeaders } from './leader-requests.ts'
import { listOffsets, offsetsForLeaderEpochs } from './partition-offsets.ts'
import type { RequestRouter } from './transport/request-router.ts'
import type { CommitOffset, Admin as Contract, EpochEndOffset, ListedOffset, OffsetSpec, TopicConfig, TopicPartition } from './types.ts'

type GroupDescription = Awaited<ReturnType<Contract['describeGroups']>>[number]

const TOPIC_RESOURCE = 2
/** Where a config's value comes from: these were not set for the topic itself. */
const SET_FOR_TOPIC = 1

const failure = (code: number, message: string | null | undefined, about: string): KafkaError | null =>
  code === 0 ? null : new KafkaError(errorName(code), message ? `${about}: ${message}` : `${about}: ${errorName(code)}`)

export class AdminClient implements Contract {
  readonly #network: RequestRouter

  constructor(network: RequestRouter) {
    this.#network = network
  }

  get #timeoutMs(): number {
    return this.#network.settings.requestTimeoutMs
  }

  async createTopics(
    topics: readonly { name: string; partitions: number; replicationFactor: number; configs?: Record<string, string> }[],
  ): Promise<Map<string, Error | null>> {
    const answer = await this.#network.send('controller', createTopics, {
      topics: topics.map(({ name, partitions, replicationFactor, configs }) => ({
        name,
        numPartitions: partitions,
        replicationFactor,
        assignments: [],
        configs: Object.entries(configs ?? {}).map(([key, value]) => ({ name: key, value })),
      })),
      timeoutMs: this.#timeoutMs,
      validateOnly: false,
    })
    return new Map(answer.topics.map((topic) => [topic.name, failure(topic.errorCode, topic.errorMessage, `topic ${topic.name}`)]))
  }

  async deleteTopics(names: readonly string[]): Promise<Map<string, Error | null>> {
    const answer = await this.#network.send('controller', deleteTopics, {
      topics: names.map((name) => ({ name, topicId: 'AAAAAAAAAAAAAAAAAAAAAA' })),
      topicNames: names,
      timeoutMs: this.#timeoutMs,
    })
    return new Map(answer.responses.map((entry) => [entry.name ?? '', failure(entry.errorCode, entry.errorMessage, `topic ${entry.name}`)]))
  }

  async createPartitions(name: string, count: number): Promise<void> {
    const answer = await this.#network.send('controller', createPartitions, {
      topics: [{ name, count, assignments: null }],
      timeoutMs: this.#timeoutMs,
      validateOnly: false,
    })
    for (const result of answer.results) {
      const error = failure(result.errorCode, result.errorMessage, `topic ${result.name}`)
      if (error) throw error
    }
  }

  async describeTopicConfigs(names: readonly string[]): Promise<Map<string, TopicConfig[]>> {
    if (names.length === 0) return new Map()
    const answer = await this.#network.send('any', describeConfigs, {
      resources: names.map((resourceName) => ({ resourceType: TOPIC_RESOURCE, resourceName, configurationKeys: null })),
      includeSynonyms: false,
    })
    const configs = new Map<string, TopicConfig[]>()
    for (const result of answer.results) {
      const error = failure(result.errorCode, result.errorMessage, `configs of topic ${result.resourceName}`)
      if (error) throw error
      configs.set(
        result.resourceName,
        result.configs.map(({ name, value, readOnly, isSensitive, configSource }) => ({
          name,
          value,
          readOnly,
          isSensitive,
          source: configSource,
          isDefault: configSource !== SET_FOR_TOPIC,
        })),
      )
    }
    return configs
  }

  async alterTopicConfigs(
    changes: ReadonlyMap<string, readonly { name: string; operation: 0 | 1; value: string | null }[]>,
  ): Promise<void> {
    const answer = await this.#network.send('controller', incrementalAlterConfigs, {
      resources: [...changes].map(([resourceName, configs]) => ({
        resourceType: TOPIC_RESOURCE,
        resourceName,
        configs: configs.map(({ name, operation, value }) => ({ name, configOperation: operation, value })),
      })),
      validateOnly: false,
    })
    for (const result of answer.responses) {
      const error = failure(result.errorCode, result.errorMessage, `configs of topic ${result.resourceName}`)
      if (error) throw error
    }
  }

  listOffsets(partitions: readonly (TopicPartition & { spec: OffsetSpec })[], isolationLevel: 0 | 1 = 0): Promise<ListedOffset[]> {
    return listOffsets(this.#network, partitions, { isolationLevel })
  }

  offsetsForLeaderEpochs(partitions: readonly (TopicPartition & { leaderEpoch: number })[]): Promise<EpochEndOffset[]> {
    return offsetsForLeaderEpochs(this.#network, partitions)
  }

  async listGroups(): Promise<{ groupId: string; protocolType: string; state: string }[]> {
    await this.#network.metadata.refresh([])
    const answers = await Promise.all(
      this.#network.metadata
        .brokerList()
        .map(({ id }) => this.#network.send({ node: id }, listGroups, { statesFilter: [], typesFilter: [] })),
    )
    const groups = new Map<string, { groupId: string; protocolType: string; state: string }>()
    for (const answer of answers) {
      const error = failure(answer.errorCode, null, 'list of groups')
      if (error) throw error
      for (const { groupId, protocolType, groupState } of answer.groups) groups.set(groupId, { groupId, protocolType, state: groupState })
    }
    return [...groups.values()]
  }

  async describeGroups(ids: readonly string[]): Promise<GroupDescription[]> {
    return Promise.all(
      ids.map((groupId) =>
        askCoordinator<GroupDescription>(this.#network, groupId, {}, async () => {
          const answer = await this.#network.send({ group: groupId }, describeGroups, { groups: [groupId] })
          const group = answer.groups[0]
          if (!group) return { error: -1, about: `group ${groupId}` }
          // Since version 6 a group that is not there is an error; before it was a dead group.
          if (errorName(group.errorCode) === 'GROUP_ID_NOT_FOUND')
            return { value: { groupId, state: 'Dead', protocolType: '', members: [] } }
          if (group.errorCode !== 0) return { error: group.errorCode, about: `group ${groupId}` }
          const members = group.members.map(({ memberId, clientId, memberAssignment }) => ({
            memberId,
            clientId,
            assignment: memberAssignment,
          }))
          return { value: { groupId, state: group.groupState, protocolType: group.protocolType, members } }
        }),
      ),
    )
  }

  groupOffsets(groupId: string): Promise<(CommitOffset & { leaderEpoch: number })[]> {
    return fetchCommitted(this.#network, groupId, null)
  }

  alterGroupOffsets(groupId: string, offsets: readonly CommitOffset[]): Promise<void> {
    return commitOffsets(this.#network, groupId, offsets)
  }

  async deleteGroups(ids: readonly string[]): Promise<Map<string, Error | null>> {
    const results = new Map<string, Error | null>()
    await Promise.all(
      ids.map(async (groupId) => {
        try {
          await askCoordinator<void>(this.#network, groupId, {}, async () => {
            const answer = await this.#network.send({ group: groupId }, deleteGroups, { groupsNames: [groupId] })
            const code = answer.results[0]?.errorCode ?? -1
            return code === 0 ? { value: undefined } : { error: code, about: `group ${groupId}` }
          })
          results.set(groupId, null)
        } catch (error) {
          results.set(groupId, error as Error)
        }
      }),
    )
    return results
  }

  async deleteRecords(partitions: readonly (TopicPartition & { offset: number })[]): Promise<void> {
    const outcomes = await requestFromLeaders(this.#network, partitions, {}, async (node, entries, timeoutMs) => {
      const response = await this.#network.request(
        node,
        deleteRecords,
        {
          topics: [...byTopic(entries)].map(([name, list]) => ({
            name,
            partitions: list.map(({ partition, offset }) => ({ partitionIndex: partition, offset })),
          })),
          timeoutMs,
        },
        { lane: 'main', timeoutMs },
      )
      return response.topics.flatMap((topic) =>
        topic.partitions.map(({ partitionIndex, errorCode }) => ({ topic: topic.name, partition: partitionIndex, errorCode, value: true })),
      )
    })
    for (const [index, { error }] of outcomes.entries())
      if (error) throw new KafkaError(error, `records of ${partitionKey(partitions[index]!)}: ${error}`)
  }

  async describeCluster(): Promise<{
    clusterId: string
    controllerId: number
    brokers: { id: number; host: string; port: number; rack: string | null }[]
  }> {
    const answer = await this.#network.send('any', describeCluster, { includeClusterAuthorizedOperations: false })
    const error = failure(answer.errorCode, answer.errorMessage, 'cluster')
    if (error) throw error
    const brokers = answer.brokers.map(({ brokerId, host, port, rack }) => ({ id: brokerId, host, port, rack }))
    return { clusterId: answer.clusterId, controllerId: answer.controllerId, brokers }
  }
}
