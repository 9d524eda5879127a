/**
 * StringConverter: strings as bytes in an encoding, which has one of Java's names. Other values are written as Java's toString; null stays
 * null.
 */
import { type Converter, converterType, defineConverter, type SchemaAndValue, schemas, setting } from '../sdk/index.ts'
import { javaText } from '../sdk/values/java-text.ts'
import { charset } from './string/charset.ts'

const optionalString = schemas.string({ optional: true })
const NULL_VALUE: SchemaAndValue = { schema: optionalString, value: null }

export default defineConverter({
  class: 'org.apache.kafka.connect.storage.StringConverter',
  doc: 'Strings, as bytes in an encoding.',
  settings: {
    'converter.type': converterType,
    'converter.encoding': setting.string({
      default: 'UTF-8',
      doc: "The encoding of the strings: a name of Java's.",
      importance: 'HIGH',
      width: 'MEDIUM',
      displayName: 'Encoding',
      check: (value) => (charset(value) ? undefined : `Unsupported encoding ${value}: set one that Java has, such as UTF-8 or ISO-8859-1`),
    }),
  },
  create(config): Converter {
    const { encode, decode } = charset(config['converter.encoding'])!
    return {
      fromConnect: (_topic, schema, value) =>
        value === null || value === undefined ? null : encode(typeof value === 'string' && !schema?.name ? value : javaText(value, schema)),
      toConnect: (_topic, bytes) => (bytes === null ? NULL_VALUE : { schema: optionalString, value: decode(bytes) }),
    }
  },
})
