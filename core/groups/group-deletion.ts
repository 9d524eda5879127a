/**
 * Deletes committed offsets and groups, by tombstones in `__consumer_offsets`: for DeleteGroups and OffsetDelete, for deleted topics and
 * for expired offsets.
 */
import { type ErrorName, KafkaError } from '../errors.ts'
import type { System } from '../system/index.ts'
import type { GroupRuntime } from './group-runtime.ts'
import { subscriptionsOf } from './offsets.ts'
import type { OffsetsTopicWriter } from './offsets-topic-writer.ts'
import { groupMetadataTombstone, offsetCommitTombstone } from './records.ts'
import type { GroupRegistry, RegisteredGroup } from './registry.ts'

export class GroupDeletion {
  readonly #system: System
  readonly #registry: GroupRegistry
  readonly #runtime: GroupRuntime
  readonly #writer: OffsetsTopicWriter
  #isExpiring = false

  constructor(system: System, registry: GroupRegistry, runtime: GroupRuntime, writer: OffsetsTopicWriter) {
    this.#system = system
    this.#registry = registry
    this.#runtime = runtime
    this.#writer = writer
  }

  /**
   * Deletes an empty group with its offsets. Returns the error for the response; throws KafkaError where the tombstones cannot be written.
   */
  async deleteGroup(registered: RegisteredGroup | undefined): Promise<ErrorName> {
    if (!registered || registered.group.state === 'Dead') return 'GROUP_ID_NOT_FOUND'
    if (registered.group.state !== 'Empty') return 'NON_EMPTY_GROUP'
    const before = registered.group
    this.#runtime.apply(registered, { type: 'close' })
    try {
      await this.#appendTombstones(registered, registered.offsets.keys(), true)
    } catch (error) {
      registered.group = before
      throw error
    }
    this.#registry.remove(registered)
    this.#runtime.cancelTimers(registered)
    return 'NONE'
  }

  /**
   * Deletes those of topics without a subscription. The error of each topic; throws KafkaError where the group may not lose offsets, and
   * where the tombstones cannot be written.
   */
  async deleteOffsets(
    registered: RegisteredGroup | null,
    topics: readonly { readonly name: string; readonly partitions: readonly { readonly partitionIndex: number }[] }[],
  ): Promise<{ name: string; error: ErrorName }[]> {
    if (!registered || registered.group.state === 'Dead') throw new KafkaError('GROUP_ID_NOT_FOUND')
    const { group, offsets } = registered
    if (group.state !== 'Empty' && group.protocolType !== 'consumer') throw new KafkaError('NON_EMPTY_GROUP')
    const mayBeSubscribed = subscriptionsOf(group)
    const outcomes = topics.map(({ name }): { name: string; error: ErrorName } => ({
      name,
      error: mayBeSubscribed(name) ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE',
    }))
    const keys = topics.flatMap(({ name: topic, partitions }) => {
      if (mayBeSubscribed(topic)) return []
      const asked = new Set(partitions.map(({ partitionIndex }) => partitionIndex))
      return offsets.keys(topic).filter(({ partition }) => asked.has(partition))
    })
    // As in Kafka, a group without offsets is there until the next check for expired ones.
    if (keys.length > 0) await this.#appendTombstones(registered, keys, false)
    return outcomes
  }

  async deleteOffsetsOf(topic: string): Promise<void> {
    await this.#registry.ensureAllLoaded()
    const deletions: Promise<void>[] = []
    for (const registered of this.#registry.all()) {
      const keys = registered.offsets.keys(topic)
      if (keys.length === 0) continue
      deletions.push(this.#appendTombstones(registered, keys, false).then(() => this.#registry.removeIfUnused(registered)))
    }
    await Promise.all(deletions)
  }

  /** Deletes expired offsets, and empty groups without offsets. */
  async expireOffsets(retentionMs: number): Promise<void> {
    if (this.#isExpiring) return
    this.#isExpiring = true
    try {
      await this.#registry.ensureAllLoaded()
      const now = this.#system.clock.now()
      for (const registered of [...this.#registry.all()]) {
        if (this.#registry.get(registered.group.id) !== registered) continue
        const keys = registered.offsets.expired(registered.group, now, retentionMs)
        if (keys.length > 0) await this.#appendTombstones(registered, keys, false)
        const { state, pendingJoinMembers } = registered.group
        if (state === 'Empty' && pendingJoinMembers.size === 0 && registered.offsets.isEmpty) await this.deleteGroup(registered)
      }
    } catch (error) {
      this.#system.logger.error({ err: error }, 'offsets could not be expired; the next check retries')
    } finally {
      this.#isExpiring = false
    }
  }

  /** Appends tombstones for offsets, and for the group itself where `withGroup` is set. */
  async #appendTombstones(
    { group: { id }, offsets, partition }: RegisteredGroup,
    keys: readonly { topic: string; partition: number }[],
    withGroup: boolean,
  ): Promise<void> {
    const now = this.#system.clock.now()
    const commits = keys.map((key) => offsets.prepareCommit(key.topic, key.partition, null))
    const records = keys.map((key) => offsetCommitTombstone(id, key.topic, key.partition, now))
    if (withGroup) records.push(groupMetadataTombstone(id, now))
    let stored = false
    try {
      await this.#writer.append(partition, records)
      stored = true
    } finally {
      for (const commit of commits) offsets.completeCommit(commit, stored)
    }
  }
}
