/**
 * InsertHeader: adds a header with a fixed value, whose type is inferred from its text.
 */
import { defineTransform, type Header, setting } from '../sdk/index.ts'
import { parseString } from '../sdk/values/parse-string.ts'

export default defineTransform({
  class: 'org.apache.kafka.connect.transforms.InsertHeader',
  doc: 'Adds a header to each record.',
  settings: {
    header: setting.string({ doc: 'The name of the header.', importance: 'HIGH' }),
    'value.literal': setting.string({
      doc: 'The value of the header: a number, a boolean, a date, an array or a map where the text is one, else a string.',
      importance: 'HIGH',
    }),
  },
  create(config) {
    const header: Header = { key: config.header, ...parseString(config['value.literal']) }
    return (record) => ({ ...record, headers: [...record.headers, header] })
  },
})
