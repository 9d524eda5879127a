/**
 * Record batches of a given size, with records that compress like telemetry.
 */
import type { CodecName } from '../core/wire/batch-header.ts'
import { encodeBatch } from '../core/wire/record-batch.ts'

const words = ['calm', 'rising', 'falling', 'flood', 'ice', 'warning', 'normal', 'gauge', 'sensor', 'offline']

/** One batch of about `batchBytes`, of records of `recordBytes` each; every call returns the same bytes. */
export function batchOf(batchBytes: number, recordBytes: number, codec: CodecName = 'none'): { batch: Buffer; records: number } {
  const records = Math.max(1, Math.floor(batchBytes / recordBytes))
  let seed = 1
  const next = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % below
  }
  const values = Array.from({ length: records }, (_, id) => {
    let text = `{"id":${id},"station":${next(500)},"note":"`
    while (text.length < recordBytes - 2) text += `${words[next(words.length)]} `
    return { key: null, value: Buffer.from(`${text.slice(0, recordBytes - 2)}"}`), timestamp: 1_700_000_000_000 + id }
  })
  return { batch: encodeBatch(values, { codec }), records }
}
