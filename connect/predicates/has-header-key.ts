/**
 * HasHeaderKey: selects records with a header of a name.
 */
import { definePredicate, setting } from '../sdk/index.ts'

export default definePredicate({
  class: 'org.apache.kafka.connect.transforms.predicates.HasHeaderKey',
  doc: 'Selects records that have at least one header of the name.',
  settings: {
    name: setting.string({ doc: 'The name of the header.', check: (name) => (name === '' ? 'String must be non-empty' : undefined) }),
  },
  create:
    ({ name }) =>
    (record) =>
      record.headers.some(({ key }) => key === name),
})
