/**
 * Reads a file that may still grow, line by line. A position is yielded with the lines that it covers and never runs ahead of them, so
 * what was read and not stored is read again. It must not guess: a file that was truncated or replaced is said to be, and begins anew.
 */
import { type ConfigOf, defineSource, type SourceBatch, type SourceContext, setting } from '../../connect/sdk/index.ts'
import { BadLine, type Format, formatNamed } from './formats.ts'
import { type CutLines, LineCutter, LineTooLong } from './lines.ts'
import { checkSourcePositions, sourcePartition, sourcePosition, sourceStand } from './position.ts'
import { FileTail } from './tail.ts'

/** No longer line can be asked for: V8 holds no string past it. */
const MOST_LINE_BYTES = 256 * 1024 * 1024

const settings = {
  file: setting.string({
    doc: 'The file to read. It is followed by its name, may not be there yet, and may be rotated. Standard input is not read.',
    importance: 'HIGH',
    check: (file) => (file === '' ? 'Name a file: standard input is not read (pipe it into a file, which is followed)' : undefined),
  }),
  topic: setting.string({
    doc: 'The topic to publish data to',
    importance: 'HIGH',
    check: (topic) => (topic.trim() === '' ? 'String must be non-empty' : undefined),
  }),
  'batch.size': setting.int({
    doc: 'The maximum number of records the Source task can read from file one time',
    default: 2000,
    importance: 'LOW',
    check: (size) => (size < 1 ? 'Value must be at least 1' : undefined),
  }),
  format: setting.oneOf(['lines', 'json', 'csv'], {
    doc: "What a line is: 'lines' text as it is, 'json' one JSON value, 'csv' a row of a table whose first line names the columns",
    default: 'lines',
  }),
  'key.field': setting.string({
    doc: "The field (json) or column (csv) that becomes the record's key. Without it records have no key.",
    default: null,
  }),
  delimiter: setting.string({
    doc: 'What stands between the fields of a CSV row; \\t for a tab',
    default: ',',
    importance: 'LOW',
    check: (text) => (text === '' ? 'String must be non-empty' : undefined),
  }),
  'bad.lines': setting.oneOf(['fail', 'skip'], {
    doc: "What happens with a line that is not JSON or a row that does not fit the header: 'fail' stops the task there, 'skip' logs and skips it",
    default: 'fail',
    importance: 'LOW',
  }),
  'line.max.bytes': setting.int({
    doc: 'The longest line that is taken, in bytes. A longer one stops the task.',
    default: 16 * 1024 * 1024,
    importance: 'LOW',
    check: (bytes) => (bytes < 1 || bytes > MOST_LINE_BYTES ? `Value must be between 1 and ${MOST_LINE_BYTES}` : undefined),
  }),
}

type Config = ConfigOf<typeof settings>

export const fileSource = defineSource({
  class: 'org.apache.kafka.connect.file.FileStreamSourceConnector',
  aliases: ['FileStreamSource', 'FileStreamSourceConnector', 'FileSource', 'tributary.file.FileSourceConnector'],
  settings,
  checkPositions: (_config, positions) => checkSourcePositions(positions),

  async *read(context: SourceContext<Config>): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal, log } = context
    const tail = new FileTail(config.file, signal)
    try {
      if (!(await opened(tail, context))) return
      const format = formatNamed(config.format, {
        topic: config.topic,
        keyField: config['key.field'],
        delimiter: config.delimiter === '\\t' ? '\t' : config.delimiter,
      })
      const rules = { loneReturns: format.loneReturns, delimiter: format.delimiter, maxLineBytes: config['line.max.bytes'] }
      const cutter = new LineCutter(await firstPosition(tail, context), rules)
      const reading = new Reading(context, tail, cutter, format)
      if (format.hasHeader && cutter.position > 0) await reading.readHeader(new LineCutter(0, rules))

      while (!signal.aborted) {
        for (let cut = cutter.next(config['batch.size']); cut; cut = cutter.next(config['batch.size'])) {
          yield* reading.batches(cut)
          if (signal.aborted) return
        }
        if ((await reading.more()) > 0) continue
        await tail.changed()
        if (signal.aborted) return
        const fate = await tail.fate(cutter.readPosition)
        if (fate === 'same') continue
        if (fate === 'replaced') {
          // its writer may have gone on between our last read and its rename
          if ((await reading.more()) > 0) continue
          const last = cutter.rest()
          if (last) yield* reading.batches(last)
          log.info(`${config.file} was replaced by another file; reading that one from its beginning`)
          if (!(await opened(tail, context))) return
        } else log.warn(`${config.file} was truncated; reading it from its beginning`)
        cutter.restart(0)
        reading.restart()
      }
    } catch (error) {
      if (error instanceof LineTooLong) throw new Error(`${config.file}: ${error.message}`, { cause: error })
      throw error
    } finally {
      await tail.close()
    }
  },
})

/** Waits until the file is there; false when the task ends before. */
async function opened(tail: FileTail, { config, signal, log }: SourceContext<Config>): Promise<boolean> {
  let told = false
  while (!signal.aborted) {
    if (await tail.open()) return true
    if (!told) log.warn(`Couldn't find file ${config.file}; waiting for it to be created`)
    told = true
    await tail.changed()
  }
  return false
}

async function firstPosition(tail: FileTail, { config, positions, log }: SourceContext<Config>): Promise<number> {
  const stored = await positions.get(sourcePartition(config.file))
  if (!stored) return 0
  const { position, head } = sourceStand(stored)
  if (await tail.continues(position, head)) {
    await tail.head(position)
    return position
  }
  log.warn(
    `${config.file} is not the file that was read up to byte ${position}: it was truncated or replaced meanwhile. Reading it from its ` +
      'beginning; what the earlier file held after that byte was not read.',
  )
  return 0
}

/** One run through the file: where the header stands, what was skipped. */
class Reading {
  readonly #context: SourceContext<Config>
  readonly #tail: FileTail
  readonly #cutter: LineCutter
  readonly #format: Format
  #needsHeader: boolean

  constructor(context: SourceContext<Config>, tail: FileTail, cutter: LineCutter, format: Format) {
    this.#context = context
    this.#tail = tail
    this.#cutter = cutter
    this.#format = format
    this.#needsHeader = format.hasHeader
  }

  restart(): void {
    this.#needsHeader = this.#format.hasHeader
  }

  /** Takes what the file has more; 0 at its end. */
  async more(): Promise<number> {
    const room = this.#cutter.room()
    const bytes = await this.#tail.read(room, this.#cutter.readPosition)
    this.#cutter.filled(bytes)
    return bytes
  }

  /** The header of a file that is gone on with in its middle. */
  async readHeader(top: LineCutter): Promise<void> {
    for (;;) {
      const cut = top.next(1)
      if (cut) return this.#takeHeader(cut.lines[0]!)
      const bytes = await this.#tail.read(top.room(), top.readPosition)
      if (bytes === 0) throw new Error(`${this.#context.config.file} has no header line`)
      top.filled(bytes)
    }
  }

  /** The batch of some lines; two where a line between them is skipped. */
  async *batches(cut: CutLines): AsyncGenerator<SourceBatch, void, void> {
    const { config, log } = this.#context
    let lines = cut.lines
    if (this.#needsHeader) {
      this.#takeHeader(lines[0]!)
      lines = lines.slice(1)
    }
    const headers = cut.lines.length - lines.length
    try {
      const records = this.#format.records(lines, Date.now())
      yield { records, positions: [await this.#position()] }
    } catch (error) {
      if (!(error instanceof BadLine)) throw error
      // the lines before it go their way first; their end is where the bad one begins
      this.#cutter.back(cut)
      const good = headers + error.index
      if (good > 0) {
        const before = this.#cutter.next(good)!
        yield { records: this.#format.records(before.lines.slice(headers), Date.now()), positions: [await this.#position()] }
      }
      const what = `${config.file}: the line at byte ${this.#cutter.position} ${error.message}`
      if (config['bad.lines'] === 'fail') throw new Error(`${what}. Mend the line, or set bad.lines=skip.`, { cause: error })
      log.warn(`${what}; skipped`)
      this.#cutter.next(1) ?? this.#cutter.rest()
    }
  }

  #takeHeader(line: string): void {
    try {
      this.#format.header(line)
    } catch (error) {
      throw new Error(`${this.#context.config.file} cannot be read as CSV: ${(error as Error).message}`, { cause: error })
    }
    this.#needsHeader = false
  }

  async #position() {
    const { position } = this.#cutter
    return sourcePosition(this.#context.config.file, position, await this.#tail.head(position))
  }
}
