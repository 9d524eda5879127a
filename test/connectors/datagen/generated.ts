/**
 * Runs a datagen task for tests: a number of its records from the stored positions on, which are stored as they come.
 */
import { StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import type { SourceRecord } from '../../../connect/sdk/index.ts'
import { datagenSource } from '../../../connectors/datagen/source.ts'

export async function generated(
  count: number,
  config: Record<string, string>,
  { positions = new StoredPositions(), task = 0 } = {},
): Promise<SourceRecord[]> {
  const stop = new AbortController()
  const raw = { 'kafka.topic': 't', 'max.interval': '0', 'batch.size': '7', ...config }
  const context = { ...taskContext(datagenSource.settings, raw, stop.signal), task, positions }
  const records: SourceRecord[] = []
  for await (const batch of datagenSource.read(context)) {
    records.push(...batch.records)
    positions.store(batch.positions)
    if (records.length >= count) stop.abort()
  }
  return records
}

/** The values of a field that is described by `arg.properties`. */
export async function valuesOf(type: object | string, count = 50, seed = 1): Promise<unknown[]> {
  const schema = JSON.stringify({ type: 'record', name: 'r', fields: [{ name: 'f', type }] })
  const records = await generated(count, { 'schema.string': schema, 'random.seed': String(seed) })
  return records.map(({ value }) => (value as { f: unknown }).f)
}
