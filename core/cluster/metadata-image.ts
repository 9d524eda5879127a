/**
 * The cluster's image: what exists, as the events of the journal made it. Pure: no disk, no clock. An event that does not fit (an unknown
 * topic) is a bug or a damaged journal, and says so.
 */
import { invariant } from '../errors.ts'
import type { Topic } from './types.ts'

export type ClusterEvent =
  | { type: 'topic'; name: string; id: string; partitions: number; configs: Record<string, string> }
  | { type: 'partitions'; id: string; partitions: number }
  | { type: 'topicConfigs'; id: string; configs: Record<string, string> }
  | { type: 'topicDeleted'; id: string }
  /** `broker` is a node id, or empty for the default of all brokers. */
  | { type: 'brokerConfigs'; broker: string; configs: Record<string, string> }
  /** Every producer id below `end` may have been given. */
  | { type: 'producerIds'; end: number }
  /** Everything before it is forgotten: the events behind it in the same batch say all that exists. */
  | { type: 'snapshot' }

const internalTopics = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])
export const isInternal = (name: string): boolean => internalTopics.has(name)

/** Kafka's metrics print "." as "_": two names that differ only there collide. */
export const collisionKey = (name: string): string => name.replaceAll('.', '_')

export class ClusterImage {
  readonly #byName = new Map<string, Topic>()
  readonly #byId = new Map<string, Topic>()
  readonly #byCollisionKey = new Map<string, string>()
  readonly #brokerConfigs = new Map<string, Readonly<Record<string, string>>>()
  #producerIdsEnd = 0

  get producerIdsEnd(): number {
    return this.#producerIdsEnd
  }

  /** Topics and altered brokers: what a snapshot would hold. */
  get size(): number {
    return this.#byName.size + this.#brokerConfigs.size + 1
  }

  topic(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  topicById(id: string): Topic | undefined {
    return this.#byId.get(id)
  }

  topics(): Iterable<Topic> {
    return this.#byName.values()
  }

  /** The name of another topic that `name` collides with. */
  collision(name: string): string | undefined {
    const found = this.#byCollisionKey.get(collisionKey(name))
    return found === name ? undefined : found
  }

  brokerConfigs(broker: string): Readonly<Record<string, string>> {
    return this.#brokerConfigs.get(broker) ?? {}
  }

  apply(event: ClusterEvent): void {
    switch (event.type) {
      case 'topic':
        invariant(!this.#byName.has(event.name), `topic ${event.name} is made twice`)
        this.#set({
          name: event.name,
          id: event.id,
          partitions: event.partitions,
          internal: isInternal(event.name),
          configs: event.configs,
        })
        return
      case 'partitions':
        this.#set({ ...this.#known(event.id), partitions: event.partitions })
        return
      case 'topicConfigs':
        this.#set({ ...this.#known(event.id), configs: event.configs })
        return
      case 'topicDeleted': {
        const topic = this.#known(event.id)
        this.#byId.delete(topic.id)
        this.#byName.delete(topic.name)
        this.#byCollisionKey.delete(collisionKey(topic.name))
        return
      }
      case 'brokerConfigs':
        if (Object.keys(event.configs).length === 0) this.#brokerConfigs.delete(event.broker)
        else this.#brokerConfigs.set(event.broker, event.configs)
        return
      case 'producerIds':
        invariant(event.end >= this.#producerIdsEnd, 'producer ids go back')
        this.#producerIdsEnd = event.end
        return
      case 'snapshot':
        this.#byName.clear()
        this.#byId.clear()
        this.#byCollisionKey.clear()
        this.#brokerConfigs.clear()
        return
    }
  }

  /** The events that make this image from nothing. */
  events(): ClusterEvent[] {
    const events: ClusterEvent[] = [{ type: 'snapshot' }, { type: 'producerIds', end: this.#producerIdsEnd }]
    for (const { name, id, partitions, configs } of this.#byName.values())
      events.push({ type: 'topic', name, id, partitions, configs: { ...configs } })
    for (const [broker, configs] of this.#brokerConfigs) events.push({ type: 'brokerConfigs', broker, configs: { ...configs } })
    return events
  }

  #set(topic: Topic): void {
    this.#byName.set(topic.name, topic)
    this.#byId.set(topic.id, topic)
    this.#byCollisionKey.set(collisionKey(topic.name), topic.name)
  }

  #known(id: string): Topic {
    const topic = this.#byId.get(id)
    invariant(topic, `the journal speaks of topic id ${id}, which is not there`)
    return topic
  }
}
