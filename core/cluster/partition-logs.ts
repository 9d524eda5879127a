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

  /** Removes the logs of `topic` from partition `from` on. Returns those that were open. */
  async remove(topic: Topic, from = 0): Promise<PartitionLog[]> {
    const indexes = Array.from({ length: topic.partitions - from }, (_, index) => from + index)
    const logs = indexes.flatMap((partition) => this.#logs.get(topic.name, partition) ?? [])
    await forEach(indexes, (partition) => this.#logs.remove(topic.name, partition))
    return logs
  }

  configure(topic: Topic): void {
    const config = this.#configOf(topic)
    for (let partition = 0; partition < topic.partitions; partition++) this.#logs.get(topic.name, partition)?.configure(config)
  }
}

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
