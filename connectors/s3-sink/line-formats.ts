/**
 * Formats whose objects are one record after another: JSON lines, texts and bytes, compressed as a whole where the settings say so. Each
 * gives an encoder of its own to the same content.
 */

import { encodeSchemaless, encoder as jsonEncoder } from '../../connect/converters/json/encode.ts'
import { UnwritableRecord } from '../../connect/sdk/index.ts'
import { javaText } from '../../connect/sdk/values/java-text.ts'
import { compressionExtension } from './compression.ts'
import type { FileEncoder, FileFormat } from './file-encoder.ts'
import { LineContent, type LineOptions } from './line-content.ts'

/** Encodes each value as a form, and adds forms to the content. */
export function lineEncoder<Form>(content: LineContent, form: (value: unknown) => Form, append: (form: Form) => void): FileEncoder<Form> {
  return {
    form,
    append,
    get heldBytes() {
      return content.heldBytes
    },
    get encodedBytes() {
      return content.encodedBytes
    },
    get isReady() {
      return content.isReady
    },
    take: (what) => content.take(what === 'end'),
  }
}

function textEncoder(encode: (value: unknown) => string, options: LineOptions): FileEncoder<string> {
  const content = new LineContent(options)
  return lineEncoder(content, encode, (text) => content.addText(`${text}\n`))
}

export const jsonFormat = (options: LineOptions): FileFormat => ({
  extension: `.json${compressionExtension[options.compression]}`,
  envelopes: { key: false, headers: true },
  encoder: (_key, schema) =>
    textEncoder(schema ? jsonEncoder(schema, { decimals: options.decimals, replaceNullWithDefault: true }) : encodeSchemaless, options),
})

export const stringFormat = (options: LineOptions): FileFormat => ({
  extension: `.txt${compressionExtension[options.compression]}`,
  envelopes: { key: false, headers: false },
  encoder: (_key, schema) =>
    textEncoder((value) => (typeof value === 'string' && !schema?.name ? value : javaText(value, schema)), options),
})

function bytesOf(value: unknown): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  throw new UnwritableRecord(
    'its value is no bytes. ByteArrayFormat writes bytes: set value.converter=org.apache.kafka.connect.converters.ByteArrayConverter',
  )
}

export const byteArrayFormat = (options: LineOptions): FileFormat => ({
  extension: options.byteArrayExtension + compressionExtension[options.compression],
  envelopes: { key: false, headers: false },
  encoder() {
    const content = new LineContent(options)
    const separator = Buffer.from(options.byteArraySeparator)
    return lineEncoder(content, bytesOf, (bytes) => {
      content.addBytes(bytes)
      if (separator.length > 0) content.addBytes(separator)
    })
  },
})
