/**
 * Goal: a malformed record of the offset topic costs no other offset. Method: a store on records that hold such values between good ones;
 * the good ones are read, the others are reported.
 */
import { expect, test } from 'vitest'
import { MemoryLog, MemoryRecords } from '../../../connect/storage/memory-log.ts'
import { OffsetBackingStore } from '../../../connect/storage/offset-backing-store.ts'

test('an offset that is not a map is skipped and reported', async () => {
  const records = new MemoryRecords()
  const malformed = ['5', '"text"', '[1]', 'true']
  await new MemoryLog(records).append([
    { key: '["a",{"n":1}]', value: '{"at":1}' },
    ...malformed.map((value, n) => ({ key: `["a",{"bad":${n}}]`, value })),
    { key: '["a",{"n":2}]', value: '{"at":2}' },
  ])
  const reported: string[] = []
  const store = new OffsetBackingStore(new MemoryLog(records), (_message, key) => void reported.push(key))
  await store.start()
  expect(store.all('a').map(({ offset }) => offset)).toEqual([{ at: 1 }, { at: 2 }])
  expect(reported).toHaveLength(malformed.length)
})
