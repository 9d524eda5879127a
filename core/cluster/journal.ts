/**
 * The metadata journal of Tributary 0.1: JSON records in `__cluster_metadata-0`, where Kafka's metadata log is now. It is read once, and
 * becomes the first snapshot of a metadata log of Kafka. Pure.
 */
import { attributes, type BatchHeader } from '../wire/batch-header.ts'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'
import { decodeRecords } from '../wire/record-batch.ts'
import { initialFeatures } from './features.ts'

const FORMAT = 1
const TOPIC = 2
const BROKER = 4

type JournalEvent =
  | { type: 'topic'; name: string; id: string; partitions: number; configs: Record<string, string> }
  | { type: 'partitions'; id: string; partitions: number }
  | { type: 'topicConfigs'; id: string; configs: Record<string, string> }
  | { type: 'topicDeleted'; id: string }
  | { type: 'brokerConfigs'; broker: string; configs: Record<string, string> }
  | { type: 'producerIds'; end: number }
  | { type: 'snapshot' }

interface JournalTopic {
  readonly name: string
  readonly id: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

/** What the journal does not have and a partition of Kafka needs. */
export interface PartitionFacts {
  readonly leaderEpoch: number
  /** The id of its log directory. */
  readonly directory: string
}

/** True for a batch of the journal: its records are JSON objects, those of Kafka begin with the version of their frame. */
export function isJournalBatch(header: BatchHeader, bytes: Buffer): boolean {
  if ((header.attributes & attributes.control) !== 0) return false
  return decodeRecords(bytes)[0]?.value?.[0] === 0x7b
}

export class Journal {
  readonly #topics = new Map<string, JournalTopic>()
  readonly #brokerConfigs = new Map<string, Record<string, string>>()
  #producerIdsEnd = 0

  replayBatch(bytes: Buffer, from: number): void {
    for (const { value, offset } of decodeRecords(bytes, { fromOffset: from })) {
      try {
        const { v, event } = JSON.parse(value?.toString('utf8') ?? '') as { v?: number; event?: JournalEvent }
        if (v !== FORMAT || !event) throw new Error('it is not a record of Tributary 0.1')
        this.#apply(event)
      } catch (cause) {
        throw new Error(`offset ${offset}: ${(cause as Error).message}`, { cause })
      }
    }
  }

  #apply(event: JournalEvent): void {
    switch (event.type) {
      case 'topic':
        this.#topics.set(event.id, { name: event.name, id: event.id, partitions: event.partitions, configs: event.configs })
        return
      case 'partitions':
        this.#topics.set(event.id, { ...this.#topic(event.id), partitions: event.partitions })
        return
      case 'topicConfigs':
        this.#topics.set(event.id, { ...this.#topic(event.id), configs: event.configs })
        return
      case 'topicDeleted':
        this.#topics.delete(this.#topic(event.id).id)
        return
      case 'brokerConfigs':
        this.#brokerConfigs.set(event.broker, event.configs)
        return
      case 'producerIds':
        this.#producerIdsEnd = event.end
        return
      case 'snapshot':
        this.#topics.clear()
        this.#brokerConfigs.clear()
        return
      default:
        throw new Error(`the event ${(event as { type: string }).type} is not known`)
    }
  }

  #topic(id: string): JournalTopic {
    const topic = this.#topics.get(id)
    if (!topic) throw new Error(`topic id ${id} does not exist`)
    return topic
  }

  /** The same cluster in Kafka's records, in Kafka's order. */
  *toRecords(nodeId: number, factsOf: (topic: string, partition: number) => PartitionFacts): Iterable<NewMetadataRecord> {
    for (const [name, featureLevel] of Object.entries(initialFeatures)) yield { type: 'FeatureLevelRecord', name, featureLevel }
    for (const { name, id: topicId, partitions, configs } of this.#topics.values()) {
      yield { type: 'TopicRecord', name, topicId }
      yield* configRecords(TOPIC, name, configs)
      for (let partitionId = 0; partitionId < partitions; partitionId++) {
        const { leaderEpoch, directory } = factsOf(name, partitionId)
        const replicas = [nodeId]
        const leader = { leader: nodeId, leaderEpoch, partitionEpoch: 0 }
        yield { type: 'PartitionRecord', partitionId, topicId, replicas, isr: replicas, ...leader, directories: [directory] }
      }
    }
    for (const [broker, configs] of this.#brokerConfigs) yield* configRecords(BROKER, broker, configs)
    if (this.#producerIdsEnd > 0) yield { type: 'ProducerIdsRecord', brokerId: nodeId, nextProducerId: this.#producerIdsEnd }
  }
}

function* configRecords(
  resourceType: number,
  resourceName: string,
  configs: Readonly<Record<string, string>>,
): Iterable<NewMetadataRecord> {
  for (const [name, value] of Object.entries(configs)) yield { type: 'ConfigRecord', resourceType, resourceName, name, value }
}
