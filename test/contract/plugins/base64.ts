/** A converter of a plugin.path: texts as Base64. */
import { DataError, defineConverter } from 'tributary/connect/sdk'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export default defineConverter({
  class: 'test.contract.Base64Converter',
  doc: 'Texts as Base64.',
  version: '1.0.0',
  settings: {},
  create: () => ({
    fromConnect: (_topic, _schema, value) => (value === null ? null : Buffer.from(Buffer.from(String(value)).toString('base64'))),
    toConnect(_topic, bytes) {
      if (bytes === null) return { schema: null, value: null }
      const text = bytes.toString('latin1')
      if (!BASE64.test(text)) throw new DataError('a value is not Base64')
      return { schema: null, value: Buffer.from(text, 'base64').toString() }
    },
  }),
})
