/**
 * The logs of the partitions that this node leads: opened in the leader epoch of the image, configured as the image says, removed with
 * their topic.
 */
import type { LogConfig, Logs, PartitionLog } from '../log/types.ts'
import { Semaphore } from '../system/semaphore.ts'
import type { Topic } from './types.ts'

/** The most logs that are opened or removed at a time. */
const MAX_CONCURRENT_LOGS = 16

export interface PartitionToOpen {
  readonly topic: Topic
  readonly partition: number
  readonly leaderEpoch: number
  /** The id of its log directory. */
  readonly directory: string
}

export class PartitionLogs {
  readonly #logs: Logs
  readonly #configOf: (topic: Topic) => LogConfig

  constructor(logs: Logs, configOf: (topic: Topic) => LogConfig) {
    this.#logs = logs
    this.#configOf = configOf
  }

  /** Of a topic that was just created, or has new partitions from `from` on. */
  create(topic: Topic, from: number, directories: readonly string[]): void {
    const { name, id: topicId } = topic
    const config = this.#configOf(topic)
    this.#logs.create(directories.map((directoryId, index) => ({ topic: name, topicId, partition: from + index, config, directoryId })))
  }

  /** Opens all of them, or rejects with the first failure once no opening is in progress. The logs are in the order of `partitions`. */
  async open(partitions: readonly PartitionToOpen[]): Promise<PartitionLog[]> {
    // Most topics have the same configs: parsing them once is faster, and their logs share an object.
    const configs = new Map<string, LogConfig>()
    return forEach(partitions, async ({ topic, partition, leaderEpoch, directory }) => {
      const key = JSON.stringify(topic.configs)
      let config = configs.get(key)
      if (!config) {
        config = this.#configOf(topic)
        configs.set(key, config)
      }
      const log = await this.#logs.open(topic.name, topic.id, partition, config, { directory })
      log.lead(leaderEpoch)
      return log
    })
  }

  /** Removes the logs of `topic`. Returns those that were open. */
  async remove(topic: Topic): Promise<PartitionLog[]> {
    const removed = await forEach(partitionsOf(topic), (partition) => this.#logs.remove(topic.name, partition))
    return removed.filter((log) => log !== undefined)
  }

  configure(topic: Topic): void {
    const config = this.#configOf(topic)
    for (const partition of partitionsOf(topic)) this.#logs.configure(topic.name, partition, config)
  }
}

const partitionsOf = ({ partitions }: Topic): number[] => Array.from({ length: partitions }, (_, partition) => partition)

/** After a failure no further task starts; it is thrown once none is in progress. */
async function forEach<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> {
  const semaphore = new Semaphore(MAX_CONCURRENT_LOGS)
  const results = new Array<R>(items.length)
  let failure: { reason: unknown } | null = null
  const run = async (item: T, index: number) => {
    if (failure !== null) return
    try {
      results[index] = await task(item)
    } catch (reason) {
      failure ??= { reason }
    }
  }
  await Promise.all(items.map((item, index) => semaphore.run(() => run(item, index))))
  if (failure !== null) throw (failure as { reason: unknown }).reason
  return results
}
