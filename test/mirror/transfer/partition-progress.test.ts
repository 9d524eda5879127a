/**
 * Goal: what a partition holds is let go in order and counted once, whatever order the target answers in. Method: batches as a fetch brings
 * them, acknowledged and sent again by hand; what comes out is added up.
 */
import { expect, test } from 'vitest'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { OffsetMap } from '../../../mirror/offset-map.ts'
import { type Acknowledged, PartitionProgress, type PendingBatch } from '../../../mirror/transfer/partition-progress.ts'

const UUID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const batch = (baseOffset: number) =>
  encodeBatch([{ key: null, value: Buffer.from(`value ${baseOffset}`), timestamp: 1_700_000_000_000 }], { baseOffset })

function flowing(batches: number): { flow: PartitionProgress; taken: number } {
  const flow = new PartitionProgress({ topic: 't', partition: 0, targetTopic: 'us.t' }, UUID, new OffsetMap(0, 0), 0)
  flow.state = 'flowing'
  const taken = flow.take(Buffer.concat(Array.from({ length: batches }, (_, i) => batch(i))), null)
  return { flow, taken }
}

test('a batch that was acknowledged before the one in front of it is let go with that, and told', () => {
  const { flow, taken } = flowing(2)
  const [first, second] = [flow.next(1, 0)!, flow.next(1, 0)!]
  const done: Acknowledged[] = [...flow.acknowledge(second, 1)]
  expect(done).toEqual([])
  // the first failed, so what is not acknowledged goes again
  flow.resend()
  const again: PendingBatch[] = []
  for (let parcel = flow.next(1, 0); parcel; parcel = flow.next(1, 0)) {
    again.push(parcel)
    done.push(...flow.acknowledge(parcel, 0))
  }
  expect(again).toEqual([first])
  expect(done.map(({ parcel }) => parcel)).toEqual([first, second])
  expect(done.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(taken)
  expect(flow).toMatchObject({ heldBytes: 0, idle: true, doneSequence: 2 })
  expect([flow.map.nextUpstreamOffset, flow.map.nextDownstreamOffset]).toEqual([2, 2])
})
