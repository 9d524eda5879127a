/**
 * Takes single records through the converters and transforms of a connector, as its tasks do, without a task: what becomes of each record,
 * and where it fails or is dropped. It sends nothing, and schemas are not registered. Bytes that name a schema are shown as what they mean.
 */
import { createConversion } from '../runtime/conversion.ts'
import { Pipeline, untilAborted } from '../runtime/pipeline.ts'
import { ProcessingError, RetryWithToleranceOperator } from '../runtime/retry-with-tolerance-operator.ts'
import { type Converter, SchemaPending, type SourceRecord } from '../sdk/index.ts'
import type { ConnectorConfig } from '../types.ts'
import type { OfflineWorker } from './offline-worker.ts'
import { type KafkaRecord, ofProducerRecord, type ShownRecord, showConnectRecord, showKafkaRecord, shownValue } from './shown-record.ts'

export interface Rehearsed {
  input: ShownRecord
  /** What a sink would get, or a source would send; null where a transform drops the record, or it fails. */
  output: ShownRecord | null
  /** The class of the transform that drops the record. */
  droppedBy?: string
  /** Why the record fails, with the stage and the class as a task names them. */
  error?: { stage: string; class: string; message: string }
}

export interface Rehearsal {
  /** A record on its way from a source to Kafka. */
  source(record: SourceRecord): Promise<Rehearsed>
  /** A record on its way from Kafka to a sink. */
  sink(record: KafkaRecord): Promise<Rehearsed>
}

/** The signal has ended a rehearsal that waited. */
export class RehearsalEnded extends Error {
  override name = 'RehearsalEnded'
}

/** The first failure of a record is what is asked for: it is neither retried nor skipped. */
const noTolerance = {
  'errors.tolerance': 'none',
  'errors.retry.timeout': 0,
  'errors.retry.delay.max.ms': 0,
  'errors.log.enable': false,
  'errors.log.include.messages': false,
} as const

/**
 * `config` has its references replaced. `signal` ends what waits for a schema registry. Throws where the config of a converter or
 * transform is invalid.
 */
export function openRehearsal(
  config: ConnectorConfig,
  { plugins, properties, system }: OfflineWorker,
  signal: AbortSignal = new AbortController().signal,
): Rehearsal {
  const conversion = createConversion(plugins, config, properties, system, undefined, { isRehearsal: true })
  let droppedBy: string | undefined
  const transformations = conversion.transformations.map((stage) => ({
    ...stage,
    apply: ((record) => {
      const transformed = stage.apply(record)
      if (!transformed) droppedBy = stage.class
      return transformed
    }) as typeof stage.apply,
  }))
  const retryWithTolerance = new RetryWithToleranceOperator(noTolerance as never, system, { connector: config.name ?? '', task: 0 })
  const pipeline = new Pipeline({ ...conversion, transformations }, retryWithTolerance, signal)

  async function rehearse(input: ShownRecord, process: () => Promise<ShownRecord | undefined>): Promise<Rehearsed> {
    droppedBy = undefined
    try {
      const output = await process()
      return output === undefined ? { input, output: null, ...(droppedBy === undefined ? {} : { droppedBy }) } : { input, output }
    } catch (error) {
      if (signal.aborted && error === signal.reason)
        throw new RehearsalEnded('The schema registry has not answered before the end. Check schema.registry.url, or give it more time.')
      if (!(error instanceof ProcessingError)) throw error
      return { input, output: null, error: { stage: error.stage, class: error.executing, message: causes(error.cause) } }
    }
  }

  const decoded = async (record: KafkaRecord): Promise<ShownRecord> => ({
    ...showKafkaRecord(record),
    ...(await decodedSide('key', conversion.key, record, signal)),
    ...(await decodedSide('value', conversion.value, record, signal)),
  })

  return {
    source: (record) =>
      rehearse(showConnectRecord(record), async () => {
        const [sent] = await pipeline.toKafka([record])
        return sent && (await decoded(ofProducerRecord(sent)))
      }),
    sink: async (record) =>
      rehearse(await decoded(record), async () => {
        const { topic, partition = 0, timestamp = 0, key, value, headers } = record
        const consumed = { offset: 0, timestamp, timestampType: 'CreateTime' as const, key, value, headers: [...headers] }
        const batch = { topic, partition, records: [consumed], nextOffset: 1, highWatermark: 1 }
        const [delivered] = (await pipeline.toConnect([batch], () => undefined)).records
        if (delivered === undefined) return undefined
        const shown = showConnectRecord(delivered)
        return record.timestamp === undefined ? { ...shown, timestamp: undefined } : shown
      }),
  }
}

/** A key or value whose bytes name a schema, as it is read; nothing where it is not such, or cannot be read: its bytes are shown. */
async function decodedSide(
  side: 'key' | 'value',
  converter: Converter,
  { topic, [side]: bytes, headers }: KafkaRecord,
  signal: AbortSignal,
): Promise<ShownRecord> {
  if (bytes === null || !converter.usesSchemaIds) return {}
  for (let asked = 0; ; asked++) {
    try {
      const { schema, value } = converter.toConnect(topic, bytes, headers)
      return { [side]: shownValue(schema, value) }
    } catch (error) {
      if (!(error instanceof SchemaPending) || asked > 0) return {}
      const isLoaded = await untilAborted(error.loaded, signal).then(
        () => true,
        () => false,
      )
      if (!isLoaded) return {}
    }
  }
}

const causes = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${causes(error.cause)}`
}
