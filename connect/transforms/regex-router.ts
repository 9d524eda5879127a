/**
 * RegexRouter: changes the topic of records by a regular expression that matches the whole name.
 */
import { defineTransform, setting } from '../sdk/index.ts'
import { javaPattern, patternProblem, type Replacement, replaceFirst, replacementOf } from '../sdk/java-pattern.ts'
import { DerivedValues } from './data/derived-values.ts'

/** Topics whose new name is kept: a regular expression costs more than all else that a record needs here. */
const MAX_TOPICS = 1_000

export default defineTransform({
  class: 'org.apache.kafka.connect.transforms.RegexRouter',
  doc: 'Changes the topic of each record whose topic the regular expression matches.',
  settings: {
    regex: setting.string({
      doc: 'The regular expression. It must match the whole name of the topic.',
      importance: 'HIGH',
      check: patternProblem,
    }),
    replacement: setting.string({
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder in users' configs
      doc: 'The new topic; $1 is the text of the first group, and ${name} that of the group (?<name>…).',
      importance: 'HIGH',
    }),
  },
  create(config) {
    const pattern = javaPattern(config.regex)
    let replacement: Replacement | undefined
    const topics = new DerivedValues<string, string>(MAX_TOPICS)
    const routed = (topic: string): string => {
      if (!pattern.matches(topic)) return topic
      // A replacement that is wrong fails the first record that it is for, as in Java, and not the task at its start.
      replacement ??= replacementOf(config.replacement, pattern)
      return replaceFirst(pattern, topic, replacement)
    }
    return (record) => {
      const topic = topics.get(record.topic, routed)
      return topic === record.topic ? record : { ...record, topic }
    }
  },
})
