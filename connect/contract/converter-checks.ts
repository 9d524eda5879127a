/**
 * What every converter keeps: it reads what it writes, nothing stays nothing, other bytes are refused with a DataException, and a value is
 * not changed by being written.
 */
import { inspect, isDeepStrictEqual } from 'node:util'
import { type Converter, DataError, type Schema } from '../sdk/index.ts'
import { type Checks, holds } from './checks.ts'
import { sampleBytes, sampleTexts } from './sample-texts.ts'
import { settled } from './settled.ts'

export interface ConverterSubject {
  readonly make: () => Converter
  /** The schema of the values; null where it takes them without. */
  readonly schema: Schema | null
  /** What it takes; many texts where that is undefined. */
  readonly values: readonly unknown[] | undefined
}

/** A Buffer is equal to the Uint8Array that a clone of it is. */
const plainBytes = (value: unknown): unknown => (value instanceof Uint8Array ? new Uint8Array(value) : value)
const shown = (value: unknown): string => inspect(value).slice(0, 200)

export const converterChecks: Checks<ConverterSubject> = {
  'nothing stays nothing': ({ make }) => {
    const converter = make()
    holds(converter.fromConnect('t', null, null) === null, 'fromConnect must return null for null, which is a tombstone')
    holds(converter.toConnect('t', null).value === null, 'the value that toConnect returns for null must be null')
  },
  'what it writes it reads, under any topic': async ({ make, schema, values }) => {
    const converter = make()
    const topics = ['t', 'orders.eu', 'a_b-c', 'x'.repeat(200)]
    for (const [index, given] of (values ?? sampleTexts()).entries()) {
      const topic = topics[index % topics.length]!
      const copy = structuredClone(given)
      const bytes = await settled(() => converter.fromConnect(topic, schema, given))
      holds(Buffer.isBuffer(bytes), `fromConnect must return a Buffer for ${shown(given)}, not ${shown(bytes)}`)
      const { value } = await settled(() => converter.toConnect(topic, bytes))
      holds(isDeepStrictEqual(plainBytes(value), plainBytes(copy)), `${shown(given)} was written, and ${shown(value)} was read`)
      holds(isDeepStrictEqual(plainBytes(given), plainBytes(copy)), `the value was changed: it was ${shown(copy)}, and is ${shown(given)}`)
    }
  },
  'any bytes are a value or a DataError': async ({ make }) => {
    const converter = make()
    for (const bytes of sampleBytes()) {
      try {
        await settled(() => converter.toConnect('t', bytes))
      } catch (error) {
        holds(
          error instanceof DataError,
          `throw DataError for bytes that are no value, as for ${bytes.toString('hex').slice(0, 64)}: ${(error as Error).stack ?? error}`,
        )
      }
    }
  },
}
