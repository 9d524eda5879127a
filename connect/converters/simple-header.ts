/**
 * SimpleHeaderConverter, the default for headers: values as text. Reading infers the type from the text: null, numbers, booleans, dates,
 * arrays and maps.
 */
import { type Converter, defineConverter, schemas } from '../sdk/index.ts'
import { parseString } from '../sdk/values/parse-string.ts'
import { valueText } from '../sdk/values/value-text.ts'

export default defineConverter({
  class: 'org.apache.kafka.connect.storage.SimpleHeaderConverter',
  doc: 'Header values as text; reading infers the type from the text.',
  kinds: ['header_converter'],
  settings: {},
  create: (): Converter => ({
    fromConnect: (_topic, schema, value) => (value === null || value === undefined ? null : Buffer.from(valueText(value, schema))),
    toConnect(_topic, bytes) {
      if (bytes === null) return { schema: null, value: null }
      const text = bytes.toString('utf8')
      return text === '' ? { schema: schemas.string(), value: text } : parseString(text)
    },
  }),
})
