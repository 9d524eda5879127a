/**
 * Goal: one record of the offset topic that is no offset costs no other its place. Method: a store on records that hold such values between
 * good ones; the good ones are known, the others are told of.
 */
import { expect, test } from 'vitest'
import { MemoryLog, MemoryRecords } from '../../../connect/storage/memory-log.ts'
import { OffsetBackingStore } from '../../../connect/storage/offset-backing-store.ts'

test('an offset that is no map is ignored and told of', async () => {
  const records = new MemoryRecords()
  const bad = ['5', '"text"', '[1]', 'true']
  await new MemoryLog(records).append([
    { key: '["a",{"n":1}]', value: '{"at":1}' },
    ...bad.map((value, n) => ({ key: `["a",{"bad":${n}}]`, value })),
    { key: '["a",{"n":2}]', value: '{"at":2}' },
  ])
  const complaints: string[] = []
  const store = new OffsetBackingStore(new MemoryLog(records), (_message, key) => void complaints.push(key))
  await store.start()
  expect(store.all('a').map(({ offset }) => offset)).toEqual([{ at: 1 }, { at: 2 }])
  expect(complaints).toHaveLength(bad.length)
})
