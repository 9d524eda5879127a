/**
 * The names of topics, schemas and fields that a table and its columns give: Debezium's strategies and adjustments. Pure; a name that two
 * columns would share is an error.
 */

/** Kafka's limit for the name of a topic. */
const MAX_TOPIC_LENGTH = 249

export type Adjustment = 'none' | 'avro' | 'avro_unicode'

/** The strategies of `topic.naming.strategy`, by Debezium's class names. */
export const topicNamingStrategies = {
  'io.debezium.schema.SchemaTopicNamingStrategy': { withSchema: true, unicode: false },
  'io.debezium.schema.SchemaUnicodeTopicNamingStrategy': { withSchema: true, unicode: true },
  'io.debezium.schema.DefaultTopicNamingStrategy': { withSchema: false, unicode: false },
  'io.debezium.schema.DefaultUnicodeTopicNamingStrategy': { withSchema: false, unicode: true },
} as const

export type TopicNamingStrategy = keyof typeof topicNamingStrategies

/** The replacement of a UTF-16 code unit that `_u` and its digits stand for; `_` itself is one. */
function unicodeEscape(unit: string): string {
  const hex = unit.charCodeAt(0).toString(16)
  return `_u${hex.length <= 2 ? `00${hex}` : hex}`
}

/** The topic of a table, from its prefix and the names of its schema and table. */
export function topicName(strategy: TopicNamingStrategy, delimiter: string, prefix: string, schema: string, table: string): string {
  const { withSchema, unicode } = topicNamingStrategies[strategy]
  const parts = withSchema ? [prefix, schema, table] : [prefix, table]
  const name = parts.filter((part) => part.trim() !== '').join(delimiter)
  const safe = unicode ? name.replace(/[^a-zA-Z0-9.-]/g, unicodeEscape) : name.replace(/[^a-zA-Z0-9._-]/g, '_')
  if (safe === '.' || safe === '..') return safe.replaceAll('.', unicode ? unicodeEscape('.') : '_')
  return safe.slice(0, MAX_TOPIC_LENGTH)
}

/** A schema's name: dots stay, since they separate Avro's namespace. */
export const schemaName = (adjustment: Adjustment, name: string): string => adjusted(adjustment, name, /[a-zA-Z0-9_.]/, /[a-zA-Z0-9.]/)

/** A field's name. */
export const fieldName = (adjustment: Adjustment, name: string): string => adjusted(adjustment, name, /[a-zA-Z0-9_]/, /[a-zA-Z0-9]/)

function adjusted(adjustment: Adjustment, name: string, valid: RegExp, validInUnicode: RegExp): string {
  if (adjustment === 'none' || name === '') return name
  const isUnicode = adjustment === 'avro_unicode'
  const first = name[0]!
  const isFirstValid = isUnicode ? /[a-zA-Z]/.test(first) : /[a-zA-Z_]/.test(first)
  let text = isFirstValid ? first : isUnicode ? unicodeEscape(first) : /\d/.test(first) ? `_${first}` : '_'
  for (const unit of name.slice(1).split('')) {
    if ((isUnicode ? validInUnicode : valid).test(unit)) text += unit
    else text += isUnicode ? unicodeEscape(unit) : '_'
  }
  return text
}
