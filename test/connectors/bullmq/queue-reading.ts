/**
 * A source that reads queues as a task does, a batch at a time: the test says what became of each batch.
 */
import { StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import { parseSettings, type SourceBatch, type SourceRecord } from '../../../connect/sdk/index.ts'
import { bullmqSource } from '../../../connectors/bullmq/source.ts'

export class QueueReading {
  readonly #stop = new AbortController()
  readonly #generator: AsyncGenerator<SourceBatch, void, void>
  readonly #context: ReturnType<typeof taskContext>
  #offset = 0

  constructor(config: Record<string, string>) {
    this.#context = taskContext(bullmqSource.settings, config, this.#stop.signal)
    const own = { ...this.#context, config: parseSettings(bullmqSource.settings, config), positions: new StoredPositions() }
    this.#generator = bullmqSource.read(own)
  }

  get logged(): readonly string[] {
    return this.#context.logged.map(({ message }) => message)
  }

  get gauges(): ReadonlyMap<string, number> {
    return this.#context.gauges
  }

  async next(): Promise<SourceBatch> {
    const { value } = await this.#generator.next()
    if (!value) throw new Error('the read has ended')
    return value
  }

  /** As the runtime tells a source that each record is in Kafka. */
  acknowledge(batch: SourceBatch): void {
    for (const [index, { topic }] of batch.records.entries()) batch.stored?.(index, { topic, partition: 3, offset: this.#offset++ })
    batch.acknowledged?.()
  }

  /** Reads and acknowledges until `count` records are there. */
  async records(count: number): Promise<SourceRecord[]> {
    const records: SourceRecord[] = []
    while (records.length < count) {
      const batch = await this.next()
      records.push(...batch.records)
      this.acknowledge(batch)
    }
    return records
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#generator.return()
  }
}
