/**
 * Symptom: JsonConverter failed with a SyntaxError on a schema with a default that is an array, map or struct, and with a TypeError on one
 * whose default has more than 53 bits. Goal: such schemas are written and read. Method: an envelope of each goes through.
 */
import { expect, test } from 'vitest'
import json from '../../connect/converters/json.ts'
import { parseSettings } from '../../connect/sdk/index.ts'

const converter = json.create(parseSettings(json.settings, {}), false)

test.each([
  '{"schema":{"type":"array","items":{"type":"int64","optional":false},"optional":true,"default":[9223372036854775807,1]},"payload":[2]}',
  '{"schema":{"type":"map","keys":{"type":"string","optional":false},"values":{"type":"int8","optional":false},"optional":false,"default":{"a":1}},"payload":{"b":2}}',
  '{"schema":{"type":"int64","optional":false,"default":-9223372036854775808},"payload":9007199254740993}',
  '{"schema":{"type":"struct","fields":[{"type":"double","optional":false,"default":0.3333333333333333,"field":"d"}],"optional":false},"payload":{"d":0.5}}',
])('%s', (text) => {
  const { schema, value } = converter.toConnect('t', Buffer.from(text))
  expect(converter.fromConnect('t', schema, value)?.toString()).toBe(text)
})
