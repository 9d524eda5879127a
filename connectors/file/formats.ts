/**
 * Converts lines to records: plain text, JSON values, or rows of a CSV table. A format returns the records of complete lines, or throws
 * BadLine with the index of the first line that it cannot read.
 */
import type { parse as parseCsv } from 'csv-parse/sync'
import { parseExactly, type Schema, type SourceRecord, schemas } from '../../connect/sdk/index.ts'

export class BadLine extends Error {
  override name = 'BadLine'
  readonly index: number

  constructor(index: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.index = index
  }
}

export interface Format {
  /** A carriage return alone ends a line. */
  readonly loneReturns: boolean
  /** Separates the fields of a line, in formats where a newline between double quotes does not end the line. */
  readonly delimiter: Buffer | null
  /** The file's first line names the columns. */
  readonly hasHeader: boolean
  header(line: string): void
  records(lines: readonly string[], timestamp: number): SourceRecord[]
}

export interface FormatOptions {
  topic: string
  keyField: string | null
  delimiter: string
}

const TEXT = schemas.string()
const OPTIONAL_TEXT = schemas.string({ optional: true })
const NO_HEADERS: SourceRecord['headers'] = []
const BYTE_ORDER_MARK = '\uFEFF'

export async function formatNamed(name: 'lines' | 'json' | 'csv', options: FormatOptions): Promise<Format> {
  if (name === 'json') return jsonLines(options)
  // Every worker loads the connectors of files, but only those that read CSV load the library.
  return name === 'csv' ? csvRows(options, (await import('csv-parse/sync')).parse) : plainLines(options)
}

function plainLines({ topic }: FormatOptions): Format {
  return {
    loneReturns: true,
    delimiter: null,
    hasHeader: false,
    header() {},
    records(lines, timestamp) {
      const records = new Array<SourceRecord>(lines.length)
      for (let i = 0; i < lines.length; i++) {
        records[i] = {
          topic,
          partition: null,
          key: null,
          keySchema: null,
          value: lines[i],
          valueSchema: TEXT,
          timestamp,
          headers: NO_HEADERS,
        }
      }
      return records
    },
  }
}

function jsonLines({ topic, keyField }: FormatOptions): Format {
  return {
    loneReturns: false,
    delimiter: null,
    hasHeader: false,
    header() {},
    records(lines, timestamp) {
      const records: SourceRecord[] = []
      for (let i = 0; i < lines.length; i++) {
        const line = lines[i]!.startsWith(BYTE_ORDER_MARK) ? lines[i]!.slice(1) : lines[i]!
        if (line === '' || line.trim() === '') continue
        let value: unknown
        try {
          value = parseExactly(line)
        } catch (error) {
          throw new BadLine(i, `is not JSON: ${(error as Error).message}`, { cause: error })
        }
        const key = keyField === null ? null : fieldOf(value, keyField)
        records.push({
          topic,
          partition: null,
          key,
          keySchema: typeof key === 'string' ? OPTIONAL_TEXT : null,
          value,
          valueSchema: null,
          timestamp,
          headers: NO_HEADERS,
        })
      }
      return records
    },
  }
}

function csvRows({ topic, keyField, delimiter }: FormatOptions, parse: typeof parseCsv): Format {
  let columns: string[] | null = null
  let valueSchema: Schema | null = null
  // Each call gets complete rows, so it needs no state of the calls before.
  const parseRows = (text: string): string[][] =>
    parse(text, { delimiter, bom: true, record_delimiter: ['\r\n', '\n'], skip_empty_lines: true })

  return {
    loneReturns: false,
    delimiter: Buffer.from(delimiter),
    hasHeader: true,
    header(line) {
      const [names] = parseRows(line)
      if (!names) throw new Error('its first line is empty: the first line of a CSV file names its columns')
      const duplicate = names.find((name, i) => names.indexOf(name) !== i)
      if (duplicate !== undefined) throw new Error(`its first line names the column "${duplicate}" twice`)
      if (keyField !== null && !names.includes(keyField))
        throw new Error(`it has no column "${keyField}" (it has ${names.join(', ')}): set key.field to one of them`)
      columns = names
      valueSchema = schemas.struct(Object.fromEntries(names.map((name) => [name, OPTIONAL_TEXT])))
    },
    records(lines, timestamp) {
      if (!columns) throw new Error('the header must be read before the rows')
      let table: string[][]
      try {
        table = parseRows(lines.join('\n'))
      } catch (error) {
        throw new BadLine(indexOfBadRow(lines, parseRows, columns.length), `is not a CSV row: ${(error as Error).message}`, {
          cause: error,
        })
      }
      const wrongRow = table.find((row) => row.length !== columns!.length)
      if (wrongRow)
        throw new BadLine(
          indexOfBadRow(lines, parseRows, columns.length),
          `has ${wrongRow.length} fields where the header names ${columns.length} columns`,
        )
      const names = columns
      return table.map((row) => {
        const value: Record<string, string> = {}
        for (let i = 0; i < names.length; i++) value[names[i]!] = row[i]!
        return {
          topic,
          partition: null,
          key: keyField === null ? null : value[keyField],
          keySchema: keyField === null ? null : OPTIONAL_TEXT,
          value,
          valueSchema,
          timestamp,
          headers: NO_HEADERS,
        }
      })
    },
  }
}

function indexOfBadRow(lines: readonly string[], parseRows: (text: string) => string[][], width: number): number {
  const index = lines.findIndex((line) => {
    try {
      return parseRows(line).some((row) => row.length !== width)
    } catch {
      return true
    }
  })
  return Math.max(index, 0)
}

/** The value of a field; null where the value is not an object or lacks the field. */
function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return (value as Record<string, unknown>)[field] ?? null
}
