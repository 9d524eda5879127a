/**
 * Goal: an offset store over the log of another thread has the positions that the worker has, and stores new ones there under the same
 * keys. Method: a store in memory on the other side.
 */
import { expect, test } from 'vitest'
import { RemoteOffsetLog } from '../../../../connect/runtime/isolation/remote-offset-log.ts'
import { plainError } from '../../../../connect/runtime/isolation/thread-errors.ts'
import { MemoryLog } from '../../../../connect/storage/memory-log.ts'
import { OffsetBackingStore } from '../../../../connect/storage/offset-backing-store.ts'

async function stores() {
  const outside = new OffsetBackingStore(new MemoryLog(), () => {})
  await outside.start()
  let fault: Error | null = null
  const log = new RemoteOffsetLog('c', async (id, call) => {
    if (fault) return log.onAnswer(id, null, plainError(fault))
    if (call.method === 'append') await outside.append(call.records)
    log.onAnswer(id, call.method === 'read' ? outside.stored(call.connector) : null, null)
  })
  const inside = new OffsetBackingStore(log, () => {})
  return { outside, inside, failWith: (error: Error | null) => void (fault = error) }
}

test('positions are read and stored, under the key of the worker', async () => {
  const { outside, inside } = await stores()
  await outside.put('c', [{ partition: { b: 1, a: 2 }, offset: { n: 1 } }])
  await outside.put('other', [{ partition: { a: 1 }, offset: { n: 9 } }])
  await inside.start()
  expect(inside.get('c', { a: 2, b: 1 })).toEqual({ n: 1 })
  expect(inside.get('other', { a: 1 })).toBeNull()
  await inside.put('c', [{ partition: { a: 2, b: 1 }, offset: { n: 2 } }])
  expect(outside.get('c', { a: 2, b: 1 })).toEqual({ n: 2 })
  expect(outside.stored('c')).toEqual([{ key: '["c",{"b":1,"a":2}]', value: '{"n":2}' }])
})

test('what was stored or deleted elsewhere is seen after a refresh', async () => {
  const { outside, inside } = await stores()
  await outside.put('c', [{ partition: { a: 1 }, offset: { n: 1 } }])
  await inside.start()
  await outside.put('c', [
    { partition: { a: 1 }, offset: null },
    { partition: { a: 2 }, offset: { n: 5 } },
  ])
  await inside.refresh()
  expect(inside.all('c')).toEqual([{ partition: { a: 2 }, offset: { n: 5 } }])
})

test('what the worker cannot store fails here', async () => {
  const { inside, failWith } = await stores()
  await inside.start()
  failWith(new Error('the task is cancelled and stores nothing more'))
  await expect(inside.put('c', [{ partition: {}, offset: { n: 1 } }])).rejects.toThrow('the task is cancelled and stores nothing more')
})
