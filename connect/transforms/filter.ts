/**
 * Filter: drops records. With a predicate, those that it selects.
 */
import { defineTransform } from '../sdk/index.ts'

export default defineTransform({
  class: 'org.apache.kafka.connect.transforms.Filter',
  doc: 'Drops every record; with a predicate, every record that the predicate selects.',
  settings: {},
  create: () => () => null,
})
