/**
 * TopicNameMatches: selects the records of topics whose whole name a regular expression matches.
 */
import { definePredicate, setting } from '../sdk/index.ts'
import { javaPattern, patternProblem } from '../sdk/java-pattern.ts'

export default definePredicate({
  class: 'org.apache.kafka.connect.transforms.predicates.TopicNameMatches',
  doc: 'Selects records whose topic the regular expression matches.',
  settings: {
    pattern: setting.string({
      doc: 'The regular expression. It must match the whole name of the topic.',
      check: (pattern) => (pattern === '' ? 'String must be non-empty' : patternProblem(pattern)),
    }),
  },
  create(config) {
    const pattern = javaPattern(config.pattern)
    return ({ topic }) => pattern.matches(topic)
  },
})
