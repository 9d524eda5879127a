/**
 * What Debezium's transforms with an expression have in common: which records it is for, what becomes of null values, and its language,
 * which is CEL here.
 */
import { type ConnectRecord, DataError, setting, TransformError } from '../../sdk/index.ts'
import { celExpression, type Evaluate, MAX_ENTRIES_VISITED } from './cel-expression.ts'
import { optionOf, regexOf, requiredText } from './debezium-settings.ts'

const LANGUAGE = 'cel'
const INSTEAD = `set language to ${LANGUAGE}, and write the expression in CEL, such as value.op == 'u' && value.after.id > 10`

const VARIABLES =
  'It has the variables key, value, keySchema, valueSchema, topic and header; header.name.value is the value of a header, and valueSchema.name ' +
  'the name of a schema.'
const TYPES =
  'Whole numbers are int, others double; a Decimal is its digits as a string, which double() makes a number; Date and Timestamp are timestamp, ' +
  `Time is duration. Macros such as exists may go through ${MAX_ENTRIES_VISITED} entries of lists and maps for each record.`

const nullHandlings = ['keep', 'drop', 'evaluate'] as const

const common = { order: 1, importance: 'LOW' } as const

export const scriptingSettings = {
  'topic.regex': setting.string({
    ...common,
    default: null,
    width: 'LONG',
    displayName: 'Topic regex',
    doc: 'The regular expression that topics must match as a whole; records of others pass as they are. With none the transform is for all.',
  }),
  language: setting.string({
    ...common,
    default: null,
    importance: 'HIGH',
    width: 'MEDIUM',
    displayName: 'Expression language',
    doc: `The language of the expression: ${LANGUAGE}, the Common Expression Language. Groovy and JavaScript need a JVM, and are refused.`,
    check: (language) => (language.trim() === LANGUAGE ? undefined : `this language needs a JVM: ${INSTEAD}`),
  }),
  'null.handling.mode': setting.string({
    ...common,
    default: 'keep',
    width: 'SHORT',
    displayName: 'Handle null records',
    doc: 'What becomes of records whose value is null. keep: they pass. drop: they are dropped. evaluate: the expression decides.',
  }),
}

/** An expression that is wrong is refused before the task starts. */
export const expressionSetting = (displayName: string, doc: string) =>
  setting.string({
    ...common,
    default: null,
    importance: 'HIGH',
    width: 'MEDIUM',
    displayName,
    doc: `${doc} ${VARIABLES} ${TYPES}`,
    check(text) {
      try {
        celExpression(text)
        return undefined
      } catch (error) {
        if (error instanceof SyntaxError) return error.message
        throw error
      }
    },
  })

interface ScriptingConfig {
  'topic.regex': string | null
  language: string | null
  'null.handling.mode': string
}

/** `decide` gets what the expression gives for a record. */
export function scriptedTransform(
  config: ScriptingConfig,
  name: string,
  text: string | null,
  decide: <R extends ConnectRecord>(record: R, evaluate: Evaluate) => R | null,
) {
  if (config.language === null)
    throw new TransformError(`Unable to validate config. The 'language' value is invalid: A value is required: ${INSTEAD}`)
  const evaluate = celExpression(requiredText(name, text))
  const nulls = optionOf('null.handling.mode', nullHandlings, config['null.handling.mode'])
  const regex = config['topic.regex']
  const pattern = regex === null || regex === '' ? null : regexOf('topic.regex', regex)
  return <R extends ConnectRecord>(record: R): R | null => {
    if (pattern && !pattern.matches(record.topic)) return record
    if ((record.value ?? null) === null && nulls !== 'evaluate') return nulls === 'keep' ? record : null
    return decide(record, evaluate)
  }
}

export const wrongResult = (result: unknown, wanted: string): DataError =>
  new DataError(`Value '${String(result)}' returned by the expression is not a ${wanted}`)
