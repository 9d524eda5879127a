/** What the worker finds in this package: a transform, which changes one record at a time. */
import { DataError, defineTransform, setting } from 'tributary/connect/sdk'

export default defineTransform({
  class: 'org.example.MyPluginTransformation',
  doc: 'Cuts texts in a field of a value without a schema, or the value itself, after a number of characters.',

  // Declared once: the worker validates them, fills in defaults, and shows them in GET /connector-plugins/…/config.
  settings: {
    field: setting.string({ default: '', doc: 'The field with the text; empty for the value itself.' }),
    'max.length': setting.int({
      default: 100,
      doc: 'How many characters stay.',
      check: (length) => (length < 0 ? 'Value must be at least 0' : undefined),
    }),
  },

  // Called once for each task. The function that it returns is called for each record: it returns a new record, the same one, or null,
  // which drops it. It must not change the record that it is given.
  create({ field, 'max.length': length }) {
    const cut = (text) => [...text].slice(0, length).join('')
    return (record) => {
      const { value } = record
      // A tombstone has no text. It must pass, or nothing is ever deleted.
      if (value === null) return record
      if (field === '') return typeof value === 'string' ? { ...record, value: cut(value) } : record
      // The worker decides by errors.tolerance whether such a record goes to the dead-letter queue or fails the task.
      if (typeof value !== 'object') throw new DataError(`the value has no fields, and so no ${field}`)
      if (!Object.hasOwn(value, field) || typeof value[field] !== 'string') return record
      return { ...record, value: { ...value, [field]: cut(value[field]) } }
    }
  },
})
