/**
 * Reads lines of which some are bad, one by one, so that many bad ones take no longer than as many good ones. The lines between them are
 * records, and the bad ones are told of in their order.
 */
import type { SourceRecord } from '../../connect/sdk/index.ts'
import { BadLine, type Format } from './formats.ts'
import type { LineCutter } from './lines.ts'

export interface LineRun {
  readonly records: SourceRecord[]
  /** The position in the file behind them. */
  readonly offset: number
}

/**
 * `lines` are those that the cutter has next, after `unread`. `onBad` is called with the position of each bad line, after the lines before
 * it are taken, and throws where the line is not to be skipped.
 */
export function* runsBetweenBadLines(
  cutter: LineCutter,
  lines: readonly string[],
  format: Format,
  onBad: (at: number, error: BadLine) => void,
): Generator<LineRun, void, void> {
  let records: SourceRecord[] = []
  let offset = cutter.position
  for (const line of lines) {
    try {
      for (const record of format.records([line], Date.now())) records.push(record)
    } catch (error) {
      if (!(error instanceof BadLine)) throw error
      if (records.length > 0) yield { records, offset }
      records = []
      onBad(offset, error)
    }
    cutter.next(1) ?? cutter.remainder()
    offset = cutter.position
  }
  if (records.length > 0) yield { records, offset }
}
