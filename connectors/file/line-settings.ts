/**
 * The settings of lines, which sources of files have in common. What a bad or too long line is depends on the source.
 */
import { setting } from '../../connect/sdk/index.ts'

/** V8 has no longer strings. */
const MAX_LINE_BYTES = 256 * 1024 * 1024

/** `effect` is what an error is, as `fails the task`. */
export const lineSettings = (effect: string) => ({
  'key.field': setting.string({
    doc: "The field or column that becomes the record's key. Without it, records have no key.",
    default: null,
  }),
  delimiter: setting.string({
    doc: 'The separator of the fields of a CSV row; \\t for a tab',
    default: ',',
    importance: 'LOW',
    keepsSpace: true,
    check: (text) => (text === '' ? 'String must be non-empty' : undefined),
  }),
  'bad.lines': setting.oneOf(['fail', 'skip'], {
    doc: `What happens to a line that is not JSON or does not match the header: 'fail' ${effect}, 'skip' logs and skips the line`,
    default: 'fail',
    importance: 'LOW',
  }),
  'line.max.bytes': setting.int({
    doc: `The maximum length of a line, in bytes. A longer line ${effect}.`,
    default: 16 * 1024 * 1024,
    importance: 'LOW',
    check: (bytes) => (bytes < 1 || bytes > MAX_LINE_BYTES ? `Value must be between 1 and ${MAX_LINE_BYTES}` : undefined),
  }),
})

/** The separator that `delimiter` means. */
export const delimiterOf = (delimiter: string): string => (delimiter === '\\t' ? '\t' : delimiter)
