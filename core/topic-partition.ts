/**
 * A partition of a topic, its key in maps (`orders-0`, as Kafka prints it), and the grouping of partitions by topic, as requests need it.
 */
export interface TopicPartition {
  topic: string
  partition: number
}

export const partitionKey = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

export function byTopic<T extends TopicPartition>(partitions: readonly T[]): Map<string, T[]> {
  const topics = new Map<string, T[]>()
  for (const entry of partitions) {
    const list = topics.get(entry.topic)
    if (list) list.push(entry)
    else topics.set(entry.topic, [entry])
  }
  return topics
}
