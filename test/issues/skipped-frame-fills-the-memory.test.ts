/**
 * Goal: what a compressed file says of its lengths takes no memory: a skippable frame of LZ4 is not held, and no room is made for a block
 * of snappy before its length is checked. Method: 512 MiB of a skippable frame from one buffer; an Avro block of six bytes that claims
 * 4 GiB.
 */
import { expect, test } from 'vitest'
import { lz4Bytes } from '../../connectors/file-readers/lz4-frames.ts'
import { FolderForTests } from '../connectors/directory/folder-reading.ts'

const folder = new FolderForTests()
const MIB = 1024 * 1024

test('a skippable frame of LZ4', async () => {
  const header = Buffer.alloc(8)
  header.writeUInt32LE(0x184d2a50, 0)
  header.writeUInt32LE(512 * MIB, 4)
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  const source = async function* () {
    yield header
    const chunk = Buffer.alloc(MIB)
    for (let sent = 0; sent < 512; sent++) {
      yield chunk
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }
  }
  for await (const _bytes of lz4Bytes(source())) throw new Error('nothing is in the frame')
  expect(most).toBeLessThan(64 * MIB)
})

test('a block of snappy', async () => {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length * 2]), Buffer.from(value)])
  const sync = Buffer.alloc(16, 1)
  const header = [
    Buffer.from('Obj\x01'),
    Buffer.from([4]),
    text('avro.schema'),
    text('{"type":"record","name":"r","fields":[]}'),
    text('avro.codec'),
  ]
  const block = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0])
  await folder.write(
    'a',
    Buffer.concat([...header, text('snappy'), Buffer.from([0]), sync, Buffer.from([2, block.length * 2]), block, sync]),
  )
  await expect(folder.read(1, { format: 'avro' })).rejects.toThrow('raise block.max.bytes')
})
