/**
 * Debezium's notifications about snapshots, in its words: records of
 * a topic (channel `sink`) and lines of the log (channel `log`).
 */
import { randomUUID } from 'node:crypto'
import { type SourceRecord, schemas, sourceRecord, type TaskLogger } from '../../connect/sdk/index.ts'
import type { PostgresSourceConfig } from './settings.ts'

const NAMESPACE = 'io.debezium.connector.common'
const KEY = schemas.struct({ id: schemas.string() }, { name: `${NAMESPACE}.NotificationKey`, version: 1 })
const VALUE = schemas.struct(
  {
    id: schemas.string(),
    type: schemas.string(),
    aggregate_type: schemas.string(),
    additional_data: schemas.map(schemas.string(), schemas.string(), { optional: true }),
    timestamp: schemas.int64(),
  },
  { name: `${NAMESPACE}.Notification`, version: 1 },
)

export type NotificationAggregate = 'Initial Snapshot' | 'Incremental Snapshot'

export class Notifications {
  readonly #config: PostgresSourceConfig
  readonly #log: TaskLogger

  constructor(config: PostgresSourceConfig, log: TaskLogger) {
    this.#config = config
    this.#log = log
  }

  /** The records to send: one where the channel `sink` is enabled. `id` ties the notifications of one signal together. */
  notify(
    aggregate: NotificationAggregate,
    type: string,
    data: Readonly<Record<string, string>> = {},
    id: string = randomUUID(),
  ): SourceRecord[] {
    const channels = this.#config['notification.enabled.channels']
    if (channels.length === 0) return []
    const additionalData = { ...data, connector_name: this.#config['topic.prefix'] }
    const timestamp = Date.now()
    if (channels.includes('log')) this.#log.info(`${aggregate} ${type}`, additionalData)
    if (!channels.includes('sink')) return []
    return [
      sourceRecord({
        topic: this.#config['notification.sink.topic.name']!,
        keySchema: KEY,
        key: { id },
        valueSchema: VALUE,
        value: { id, type, aggregate_type: aggregate, additional_data: new Map(Object.entries(additionalData)), timestamp },
      }),
    ]
  }
}
