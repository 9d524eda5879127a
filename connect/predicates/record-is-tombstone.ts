/**
 * RecordIsTombstone: selects records without a value.
 */
import { definePredicate } from '../sdk/index.ts'

export default definePredicate({
  class: 'org.apache.kafka.connect.transforms.predicates.RecordIsTombstone',
  doc: 'Selects tombstones, which are records whose value is null.',
  settings: {},
  create: () => (record) => record.value === null || record.value === undefined,
})
