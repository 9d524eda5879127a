/**
 * Debezium's Filter: keeps the records for which an expression is true. The expression is one of CEL.
 */
import { defineTransform } from '../sdk/index.ts'
import { expressionSetting, scriptedTransform, scriptingSettings, wrongResult } from './data/scripting.ts'

const { 'topic.regex': topicRegex, language, 'null.handling.mode': nullHandling } = scriptingSettings

export default defineTransform({
  class: 'io.debezium.transforms.Filter',
  doc: 'Keeps the records for which an expression is true, and drops the others.',
  settings: {
    'topic.regex': topicRegex,
    language,
    condition: expressionSetting('Filtering condition', 'The expression that is true for the records to keep.'),
    'null.handling.mode': nullHandling,
  },
  create: (config) =>
    scriptedTransform(config, 'condition', config.condition, (record, evaluate) => {
      const keeps = evaluate(record)
      if (typeof keeps !== 'boolean') throw wrongResult(keeps, 'Boolean')
      return keeps ? record : null
    }),
})
