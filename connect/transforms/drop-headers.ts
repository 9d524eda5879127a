/**
 * DropHeaders: removes all headers of some names.
 */
import { defineTransform } from '../sdk/index.ts'
import { requiredNames } from './data/settings.ts'

export default defineTransform({
  class: 'org.apache.kafka.connect.transforms.DropHeaders',
  doc: 'Removes headers from each record.',
  settings: { headers: requiredNames('headers', 'The names of the headers to remove.') },
  create({ headers }) {
    const dropped = new Set(headers)
    return (record) => ({ ...record, headers: record.headers.filter(({ key }) => !dropped.has(key)) })
  },
})
