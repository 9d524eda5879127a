/**
 * Goal: what a record costs does not depend on the number of open folders. Method: a writer whose files count how often they are asked.
 */
import { expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { sinkOptions } from '../../../connectors/s3-sink/config-options.ts'
import type { RecordFile } from '../../../connectors/s3-sink/record-file.ts'
import { settings } from '../../../connectors/s3-sink/settings.ts'
import { TopicPartitionWriter } from '../../../connectors/s3-sink/topic-partition-writer.ts'
import { record } from './sink-bucket.ts'

test('rotate.size.bytes does not ask all open objects at each record, and ends them at the bytes of all', () => {
  let asked = 0
  const file = () => {
    let bytes = 5
    return {
      get encodedBytes() {
        asked++
        return bytes
      },
      add: () => {
        bytes += 10
      },
      takes: () => true,
      end: () => {},
    } as unknown as RecordFile
  }
  const options = sinkOptions(
    parseSettings(settings, {
      's3.bucket.name': 'bucket',
      'format.class': 'io.confluent.connect.s3.format.json.JsonFormat',
      'flush.size': '1000000',
      'rotate.size.bytes': '20500',
      'partitioner.class': 'io.confluent.connect.storage.partitioner.FieldPartitioner',
      'partition.field.name': 'folder',
    }),
  )
  const writer = new TopicPartitionWriter({ options, begin: file })
  for (let n = 0; n < 1999; n++) writer.add(record(n, { folder: n % 100 }), 0)
  expect([writer.ended.length, writer.open?.files.size]).toEqual([0, 100])
  writer.add(record(1999, { folder: 0 }), 0)
  expect([writer.ended.length, writer.open]).toEqual([1, null])
  expect(asked).toBeLessThanOrEqual(2 * 2000)
})
