/**
 * Goal: what was spilled comes back as it was, also where many objects spill at once. Method: the file itself, again and again from empty.
 */
import { expect, onTestFinished, test } from 'vitest'
import { SpillFile } from '../../../connectors/s3-sink/spill-file.ts'

test('objects that spill at once into a file that was emptied do not lose their bytes', async () => {
  const spill = new SpillFile()
  onTestFinished(() => spill.close())
  for (let round = 0; round < 200; round++) {
    const contents = [0, 1, 2, 3].map((at) => Buffer.alloc(4096, 1 + ((round * 4 + at) % 255)))
    const extents = await Promise.all(contents.map((content) => spill.write([content])))
    const read = await Promise.all(extents.map((extent) => spill.read(extent)))
    expect(read.map((bytes, at) => bytes.equals(contents[at]!))).toEqual([true, true, true, true])
    for (const extent of extents) spill.release(extent)
    expect(spill.liveBytes).toBe(0)
  }
})
