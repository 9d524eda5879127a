/**
 * Goal: a separator that is a newline or a tab in a config separates: the settings once cut off the white space at their ends, so that the
 * values of an object ran together. Method: the options that the S3 sink and the S3 source read from such configs.
 */
import { expect, test } from 'vitest'
import { parseSettings } from '../../connect/sdk/index.ts'
import { delimiterOf } from '../../connectors/file/line-settings.ts'
import { sinkOptions } from '../../connectors/s3-sink/config-options.ts'
import { settings as sinkSettings } from '../../connectors/s3-sink/settings.ts'
import { separatorOf, settings as sourceSettings } from '../../connectors/s3-source/settings.ts'

const FORMAT = 'io.confluent.connect.s3.format.bytearray.ByteArrayFormat'

test.each([
  ['\n', '\n'],
  ['\r\n', '\r\n'],
  ['\t', '\t'],
  ['\\n', '\n'],
  [' | ', ' | '],
])('of %j', async (text, expected) => {
  const sink = { 's3.bucket.name': 'bucket', 'flush.size': '3', 'format.class': FORMAT, 'format.bytearray.separator': text }
  const encoder = sinkOptions(parseSettings(sinkSettings, sink)).values.encoder('key', null, Buffer.from('a'))
  for (const value of ['a', 'b']) encoder.append(encoder.form(Buffer.from(value)))
  expect(Buffer.concat(await encoder.take('end')).toString()).toBe(`a${expected}b${expected}`)
  const source = parseSettings(sourceSettings, { 's3.bucket.name': 'bucket', format: 'bytes', 'format.bytearray.separator': text })
  expect(separatorOf(source).toString()).toBe(expected)
})

test('of a CSV', async () => {
  const csv = {
    's3.bucket.name': 'bucket',
    'flush.size': '3',
    'format.class': 'tributary.s3.format.csv.CsvFormat',
    'format.csv.delimiter': '\t',
  }
  const encoder = sinkOptions(parseSettings(sinkSettings, csv)).values.encoder('key', null, { a: 1, b: 2 })
  encoder.append(encoder.form({ a: 1, b: 2 }))
  expect(Buffer.concat(await encoder.take('end')).toString()).toBe('a\tb\n1\t2\n')
  const source = parseSettings(sourceSettings, { 's3.bucket.name': 'bucket', format: 'csv', delimiter: '\t' })
  expect(delimiterOf(source.delimiter)).toBe('\t')
})
