/** What the worker finds in this package: a converter, which makes bytes of values and values of bytes. */
import { DataError, defineConverter, setting } from 'tributary/connect/sdk'

export default defineConverter({
  class: 'org.example.MyPluginConverter',
  doc: 'Texts as the digits of their bytes.',

  // Declared once: the worker validates them, fills in defaults, and shows them in GET /connector-plugins/…/config.
  settings: {
    digits: setting.oneOf(['hex', 'base64'], { default: 'hex', doc: 'How the bytes are written.' }),
  },

  // Called once for each task, for keys and for values.
  create({ digits }, _isKey) {
    return {
      // On the way to Kafka: the value of a source. Null stays null, or nothing is ever deleted.
      fromConnect(_topic, _schema, value) {
        if (value === null || value === undefined) return null
        // The worker decides by errors.tolerance whether such a record goes to the dead-letter queue or fails the task.
        if (typeof value !== 'string') throw new DataError(`a ${typeof value} is no text`)
        return Buffer.from(Buffer.from(value).toString(digits))
      },
      // On the way from Kafka: the bytes of a record, which anybody may have written.
      toConnect(_topic, bytes) {
        if (bytes === null) return { schema: null, value: null }
        const written = bytes.toString('latin1')
        const text = Buffer.from(written, digits).toString()
        if (Buffer.from(text).toString(digits) !== written) throw new DataError(`a value is no text in ${digits}`)
        return { schema: null, value: text }
      },
    }
  },
})
