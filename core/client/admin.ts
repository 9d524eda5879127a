/**
 * The admin client: topics, configs, offsets, groups, the cluster. Each call finds the broker that is responsible. A call about one thing
 * throws its error; a call about many returns an error for each.
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
import type { Acl } from '../security/acl/acl.ts'
import type { AclFilter } from '../security/acl/acl-filter.ts'
import { byTopic, partitionKey } from '../topic-partition.ts'
import { ZERO_UUID } from '../wire/types.ts'
import { createAcls, describeAcls } from './acls.ts'
import { requestFromCoordinator } from './group/coordinator-requests.ts'
import { commitOffsets, fetchCommitted } from './group/group-offsets.ts'
import { requestFromLeaders } from './leader-requests.ts'
import { listOffsets, offsetsForLeaderEpochs } from './partition-offsets.ts'
import { fenceProducers } from './producer/fence-producers.ts'
import type { RequestRouter } from './transport/request-router.ts'
import type { CommitOffset, Admin as Contract, EpochEndOffset, ListedOffset, OffsetSpec, TopicConfig, TopicPartition } from './types.ts'

type GroupDescription = Awaited<ReturnType<Contract['describeGroups']>>[number]

const TOPIC_RESOURCE = 2
/** ConfigSource DYNAMIC_TOPIC_CONFIG: set for the topic itself. */
const DYNAMIC_TOPIC_CONFIG = 1

const failure = (code: number, message: string | null | undefined, about: string): KafkaError | null =>
  code === 0 ? null : new KafkaError(errorName(code), message ? `${about}: ${message}` : `${about}: ${errorName(code)}`)

export class AdminClient implements Contract {
  readonly #router: RequestRouter

  constructor(router: RequestRouter) {
    this.#router = router
  }

  get #timeoutMs(): number {
    return this.#router.settings.requestTimeoutMs
  }

  async createTopics(
    topics: readonly { name: string; partitions: number; replicationFactor: number; configs?: Record<string, string> }[],
  ): Promise<Map<string, Error | null>> {
    const response = await this.#router.send('controller', createTopics, {
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
    return new Map(response.topics.map((topic) => [topic.name, failure(topic.errorCode, topic.errorMessage, `topic ${topic.name}`)]))
  }

  async deleteTopics(names: readonly string[]): Promise<Map<string, Error | null>> {
    const response = await this.#router.send('controller', deleteTopics, {
      topics: names.map((name) => ({ name, topicId: ZERO_UUID })),
      topicNames: names,
      timeoutMs: this.#timeoutMs,
    })
    return new Map(
      response.responses.map((entry) => [entry.name ?? '', failure(entry.errorCode, entry.errorMessage, `topic ${entry.name}`)]),
    )
  }

  async createPartitions(name: string, count: number): Promise<void> {
    const response = await this.#router.send('controller', createPartitions, {
      topics: [{ name, count, assignments: null }],
      timeoutMs: this.#timeoutMs,
      validateOnly: false,
    })
    for (const result of response.results) {
      const error = failure(result.errorCode, result.errorMessage, `topic ${result.name}`)
      if (error) throw error
    }
  }

  async describeTopicConfigs(names: readonly string[]): Promise<Map<string, TopicConfig[]>> {
    if (names.length === 0) return new Map()
    const response = await this.#router.send('any', describeConfigs, {
      resources: names.map((resourceName) => ({ resourceType: TOPIC_RESOURCE, resourceName, configurationKeys: null })),
      includeSynonyms: false,
    })
    const configs = new Map<string, TopicConfig[]>()
    for (const result of response.results) {
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
          isDefault: configSource !== DYNAMIC_TOPIC_CONFIG,
        })),
      )
    }
    return configs
  }

  async alterTopicConfigs(
    changes: ReadonlyMap<string, readonly { name: string; operation: 0 | 1; value: string | null }[]>,
  ): Promise<void> {
    const response = await this.#router.send('controller', incrementalAlterConfigs, {
      resources: [...changes].map(([resourceName, configs]) => ({
        resourceType: TOPIC_RESOURCE,
        resourceName,
        configs: configs.map(({ name, operation, value }) => ({ name, configOperation: operation, value })),
      })),
      validateOnly: false,
    })
    for (const result of response.responses) {
      const error = failure(result.errorCode, result.errorMessage, `configs of topic ${result.resourceName}`)
      if (error) throw error
    }
  }

  listOffsets(partitions: readonly (TopicPartition & { spec: OffsetSpec })[], isolationLevel: 0 | 1 = 0): Promise<ListedOffset[]> {
    return listOffsets(this.#router, partitions, { isolationLevel })
  }

  offsetsForLeaderEpochs(partitions: readonly (TopicPartition & { leaderEpoch: number })[]): Promise<EpochEndOffset[]> {
    return offsetsForLeaderEpochs(this.#router, partitions)
  }

  async listGroups(): Promise<{ groupId: string; protocolType: string; state: string }[]> {
    await this.#router.metadata.refresh([])
    const responses = await Promise.all(
      this.#router.metadata.brokers().map(({ id }) => this.#router.send({ node: id }, listGroups, { statesFilter: [], typesFilter: [] })),
    )
    const groups = new Map<string, { groupId: string; protocolType: string; state: string }>()
    for (const response of responses) {
      const error = failure(response.errorCode, null, 'list of groups')
      if (error) throw error
      for (const { groupId, protocolType, groupState } of response.groups) groups.set(groupId, { groupId, protocolType, state: groupState })
    }
    return [...groups.values()]
  }

  async describeGroups(ids: readonly string[]): Promise<GroupDescription[]> {
    return Promise.all(
      ids.map((groupId) =>
        requestFromCoordinator<GroupDescription>(this.#router, groupId, {}, async () => {
          const response = await this.#router.send({ group: groupId }, describeGroups, { groups: [groupId] })
          const group = response.groups[0]
          if (!group) return { errorCode: -1, about: `group ${groupId}` }
          // From version 6 on a group that does not exist is an error; before, it is a dead group.
          if (errorName(group.errorCode) === 'GROUP_ID_NOT_FOUND')
            return { value: { groupId, state: 'Dead', protocolType: '', members: [] } }
          if (group.errorCode !== 0) return { errorCode: group.errorCode, about: `group ${groupId}` }
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
    return fetchCommitted(this.#router, groupId, null)
  }

  alterGroupOffsets(groupId: string, offsets: readonly CommitOffset[]): Promise<void> {
    return commitOffsets(this.#router, groupId, offsets)
  }

  async deleteGroups(ids: readonly string[]): Promise<Map<string, Error | null>> {
    const results = new Map<string, Error | null>()
    await Promise.all(
      ids.map(async (groupId) => {
        try {
          await requestFromCoordinator<void>(this.#router, groupId, {}, async () => {
            const response = await this.#router.send({ group: groupId }, deleteGroups, { groupsNames: [groupId] })
            const code = response.results[0]?.errorCode ?? -1
            return code === 0 ? { value: undefined } : { errorCode: code, about: `group ${groupId}` }
          })
          results.set(groupId, null)
        } catch (error) {
          results.set(groupId, error as Error)
        }
      }),
    )
    return results
  }

  fenceProducers(transactionalIds: readonly string[]): Promise<Map<string, Error | null>> {
    return fenceProducers(this.#router, transactionalIds)
  }

  async deleteRecords(partitions: readonly (TopicPartition & { offset: number })[]): Promise<void> {
    const outcomes = await requestFromLeaders(this.#router, partitions, {}, async (node, entries, timeoutMs) => {
      const response = await this.#router.request(
        node,
        deleteRecords,
        {
          topics: [...byTopic(entries)].map(([name, list]) => ({
            name,
            partitions: list.map(({ partition, offset }) => ({ partitionIndex: partition, offset })),
          })),
          timeoutMs,
        },
        { channel: 'main', timeoutMs },
      )
      return response.topics.flatMap((topic) =>
        topic.partitions.map(({ partitionIndex, errorCode }) => ({ topic: topic.name, partition: partitionIndex, errorCode, value: true })),
      )
    })
    for (const [index, { error }] of outcomes.entries())
      if (error) throw new KafkaError(error, `records of ${partitionKey(partitions[index]!)}: ${error}`)
  }

  describeAcls(filter: AclFilter): Promise<Acl[]> {
    return describeAcls(this.#router, filter)
  }

  createAcls(acls: readonly Acl[]): Promise<(KafkaError | null)[]> {
    return createAcls(this.#router, acls)
  }

  async describeCluster(): Promise<{
    clusterId: string
    controllerId: number
    brokers: { id: number; host: string; port: number; rack: string | null }[]
  }> {
    const response = await this.#router.send('any', describeCluster, { includeClusterAuthorizedOperations: false })
    const error = failure(response.errorCode, response.errorMessage, 'cluster')
    if (error) throw error
    const brokers = response.brokers.map(({ brokerId, host, port, rack }) => ({ id: brokerId, host, port, rack }))
    return { clusterId: response.clusterId, controllerId: response.controllerId, brokers }
  }
}
