/**
 * Writes dates, times of day, timestamps and decimals of Connect as the messages that Protobuf has for them. A value that does not fit is a
 * DataError.
 */
import { DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import { bytesOf, fractionDigits, unscaled } from '../json/decimal.ts'
import { LENGTH, type MessageWriter, VARINT } from './binary.ts'

export type EncodeMessage = (writer: MessageWriter, value: unknown) => void

const DAY_MS = 86_400_000

export const describe = (value: unknown): string =>
  typeof value === 'object' ? ((value as object | null)?.constructor?.name ?? 'null') : typeof value
export const mismatch = (schema: Schema, value: unknown) =>
  new DataError(`Invalid type for ${schema.type.toUpperCase()}: ${describe(value)}`)

/** Writes numbers that are not 0 as fields 1, 2, … */
function numbers(writer: MessageWriter, values: readonly number[]): void {
  values.forEach((value, index) => {
    if (value === 0) return
    writer.unsigned((index + 1) * 8 + VARINT)
    writer.varint(value)
  })
}

function dateOf(schema: Schema, value: unknown): Date {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value
  throw new DataError(`Invalid type for ${schema.name}, expected Date but was ${describe(value)}`)
}

/** The encoder of a schema that has a message of its own in Protobuf; undefined for all others. */
export function logicalEncoder(schema: Schema): EncodeMessage | undefined {
  switch (schema.name) {
    case logicalTypes.date:
      return (writer, value) => {
        const date = dateOf(schema, value)
        if (date.getTime() % DAY_MS !== 0)
          throw new DataError('Kafka Connect Date type should not have any time fields set to non-zero values.')
        numbers(writer, [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()])
      }
    case logicalTypes.time:
      return (writer, value) => {
        const date = dateOf(schema, value)
        if (date.getTime() < 0 || date.getTime() > DAY_MS)
          throw new DataError('Time values must use number of millis greater than 0 and less than 86400000')
        numbers(writer, [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds() * 1_000_000])
      }
    case logicalTypes.timestamp:
      return (writer, value) => {
        const ms = dateOf(schema, value).getTime()
        const seconds = Math.floor(ms / 1000)
        numbers(writer, [seconds, (ms - seconds * 1000) * 1_000_000])
      }
    case logicalTypes.decimal:
      return (writer, value) => {
        if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') throw mismatch(schema, value)
        const text = String(value)
        const scale = fractionDigits(text)
        const number = unscaled(text, scale)
        const bytes = bytesOf(number)
        writer.unsigned(8 + LENGTH)
        writer.bytes(bytes)
        numbers(writer, [0, String(number < 0n ? -number : number).length, scale])
      }
  }
}
