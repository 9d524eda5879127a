/**
 * A source that defines its own transactions: number `k` has the values `k:0`, `k:1`, …, and every third one is aborted. What a reader must
 * get of them.
 */
import { type Connector, defineConnector, defineSource, setting, sourceRecord } from '../../connect/sdk/index.ts'

/** Values of a batch: transactions end in the middle of batches, and go over several. */
const BATCH = 10
const partition = { source: 'pattern' }

const sizeOf = (k: number): number => 1 + ((k * 5) % 17)
const isAborted = (k: number): boolean => k % 3 === 2

const source = defineSource({
  class: 'test.PatternSourceConnector',
  settings: { topic: setting.string({ doc: 'The topic.' }) },
  exactlyOnceSupport: () => 'supported',
  canDefineTransactionBoundaries: () => 'supported',
  async *read({ config, positions, signal, transaction }) {
    let k = Number((await positions.get(partition))?.k ?? 0)
    let n = 0
    while (!signal.aborted) {
      const records = []
      while (records.length < BATCH) {
        const record = sourceRecord({ topic: config.topic, partition: 0, value: `${k}:${n}` })
        records.push(record)
        if (++n < sizeOf(k)) continue
        const after = { record, positions: [{ partition, offset: { k: k + 1 } }] }
        if (isAborted(k)) transaction!.abortTransaction(after)
        else transaction!.commitTransaction(after)
        k++
        n = 0
      }
      // The transaction that is open has no position of its own: it is given again.
      yield { records, positions: [] }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  },
})

export const patternConnector: Connector = defineConnector({ name: 'pattern', doc: 'Transactions in a pattern.', source })

/** What a read_committed reader gets of the first `count` transactions. */
export function committedValues(count: number): string[] {
  const values: string[] = []
  for (let k = 0; k < count; k++) if (!isAborted(k)) for (let n = 0; n < sizeOf(k); n++) values.push(`${k}:${n}`)
  return values
}
