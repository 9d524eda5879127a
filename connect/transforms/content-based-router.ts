/**
 * Debezium's ContentBasedRouter: an expression makes the topic of records, or leaves it as it is where it gives null. The expression is
 * one of CEL.
 */
import { defineTransform } from '../sdk/index.ts'
import { expressionSetting, scriptedTransform, scriptingSettings, wrongResult } from './data/scripting.ts'

const { 'topic.regex': topicRegex, language, 'null.handling.mode': nullHandling } = scriptingSettings

export default defineTransform({
  class: 'io.debezium.transforms.ContentBasedRouter',
  doc: 'Makes the topic of records by an expression.',
  settings: {
    'topic.regex': topicRegex,
    language,
    'topic.expression': expressionSetting('Topic name expression', 'The expression that gives the topic, or null where it stays.'),
    'null.handling.mode': nullHandling,
  },
  create: (config) =>
    scriptedTransform(config, 'topic.expression', config['topic.expression'], (record, evaluate) => {
      const topic = evaluate(record)
      if (topic === null) return record
      if (typeof topic !== 'string') throw wrongResult(topic, 'String')
      return { ...record, topic }
    }),
})
