/**
 * Reads a growing file line by line. Each batch has the position after its last line, so that what was not stored is read again. A file
 * that was truncated or replaced is read from its beginning, and the log says so.
 */
import { type ConfigOf, defineSource, type SourceBatch, type SourceContext, setting } from '../../connect/sdk/index.ts'
import { runsBetweenBadLines } from './bad-lines.ts'
import { BadLine, type Format, formatNamed } from './formats.ts'
import { delimiterOf, lineSettings } from './line-settings.ts'
import { type CutLines, LineCutter, LineTooLong } from './lines.ts'
import { parseSourceOffset, sourcePartition, sourcePosition, validateSourcePositions } from './position.ts'
import { FileTail } from './tail.ts'

const settings = {
  file: setting.string({
    doc: 'The file to read. It is followed by its name, may not exist yet, and may be rotated. Standard input is not supported.',
    importance: 'HIGH',
    check: (file) => (file === '' ? 'Set a file: standard input is not supported (redirect it to a file)' : undefined),
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
    doc: "The format of a line: 'lines' is plain text, 'json' one JSON value, 'csv' a row of a table whose first line names the columns",
    default: 'lines',
  }),
  ...lineSettings('fails the task'),
}

type FileSourceConfig = ConfigOf<typeof settings>

export const fileSource = defineSource({
  class: 'org.apache.kafka.connect.file.FileStreamSourceConnector',
  aliases: ['FileStreamSource', 'FileStreamSourceConnector', 'FileSource', 'tributary.file.FileSourceConnector'],
  settings,
  checkPositions: (_config, positions) => validateSourcePositions(positions),
  // A line is at one place of a file that is only appended to.
  exactlyOnceSupport: () => 'supported',

  async *read(context: SourceContext<FileSourceConfig>): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal, log } = context
    const tail = new FileTail(config.file, signal)
    try {
      if (!(await openWhenCreated(tail, context))) return
      const format = await formatNamed(config.format, {
        topic: config.topic,
        keyField: config['key.field'],
        delimiter: delimiterOf(config.delimiter),
      })
      const rules = { loneReturns: format.loneReturns, delimiter: format.delimiter, maxLineBytes: config['line.max.bytes'] }
      const cutter = new LineCutter(await startPosition(tail, context), rules)
      const reading = new FileReading(context, tail, cutter, format)
      if (format.hasHeader && cutter.position > 0) await reading.readHeader(new LineCutter(0, rules))

      while (!signal.aborted) {
        for (let cut = cutter.next(config['batch.size']); cut; cut = cutter.next(config['batch.size'])) {
          yield* reading.batches(cut)
          if (signal.aborted) return
        }
        if ((await reading.readMore()) > 0) continue
        await tail.awaitEvent()
        if (signal.aborted) return
        const change = await tail.checkForChange(cutter.readPosition)
        if (change === 'none') continue
        if (change === 'replaced') {
          // The writer may have written between the last read and the rename.
          if ((await reading.readMore()) > 0) continue
          const last = cutter.remainder()
          if (last) yield* reading.batches(last)
          log.info(`${config.file} was replaced by another file, which is read from its beginning`)
          if (!(await openWhenCreated(tail, context))) return
        } else log.warn(`${config.file} was truncated and is read from its beginning`)
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

/** Opens the file once it exists. False where the task stops before. */
async function openWhenCreated(tail: FileTail, { config, signal, log }: SourceContext<FileSourceConfig>): Promise<boolean> {
  let logged = false
  while (!signal.aborted) {
    if (await tail.open()) return true
    if (!logged) log.warn(`Couldn't find file ${config.file}; waiting for it to be created`)
    logged = true
    await tail.awaitEvent()
  }
  return false
}

/** The position to read from; 0 where there is none, or where the file is not the one that was read. */
async function startPosition(tail: FileTail, { config, positions, log }: SourceContext<FileSourceConfig>): Promise<number> {
  const stored = await positions.get(sourcePartition(config.file))
  if (!stored) return 0
  const { position, head } = parseSourceOffset(stored)
  if (await tail.continues(position, head)) {
    await tail.head(position)
    return position
  }
  log.warn(
    `${config.file} is not the file that was read up to byte ${position}: it was truncated or replaced since. It is read from its ` +
      'beginning; what the former file had after that byte was not read.',
  )
  return 0
}

/** One pass through the file: reads, and converts lines to batches. */
class FileReading {
  readonly #context: SourceContext<FileSourceConfig>
  readonly #tail: FileTail
  readonly #cutter: LineCutter
  readonly #format: Format
  #needsHeader: boolean

  constructor(context: SourceContext<FileSourceConfig>, tail: FileTail, cutter: LineCutter, format: Format) {
    this.#context = context
    this.#tail = tail
    this.#cutter = cutter
    this.#format = format
    this.#needsHeader = format.hasHeader
  }

  restart(): void {
    this.#needsHeader = this.#format.hasHeader
  }

  /** Reads the next bytes of the file. Returns their number; 0 at its end. */
  async readMore(): Promise<number> {
    const buffer = this.#cutter.readBuffer()
    const bytes = await this.#tail.read(buffer, this.#cutter.readPosition)
    this.#cutter.appendRead(bytes)
    return bytes
  }

  /** Reads the header of a file whose reading continues in its middle. */
  async readHeader(beginning: LineCutter): Promise<void> {
    for (;;) {
      const cut = beginning.next(1)
      if (cut) return this.#parseHeader(cut.lines[0]!)
      const bytes = await this.#tail.read(beginning.readBuffer(), beginning.readPosition)
      if (bytes === 0) throw new Error(`${this.#context.config.file} has no header line`)
      beginning.appendRead(bytes)
    }
  }

  /** The batch of the lines. Where some of them are bad, batches of the lines between. */
  async *batches(cut: CutLines): AsyncGenerator<SourceBatch, void, void> {
    const first = this.#needsHeader ? 1 : 0
    if (this.#needsHeader) this.#parseHeader(cut.lines[0]!)
    const lines = first === 0 ? cut.lines : cut.lines.slice(first)
    try {
      const records = this.#format.records(lines, Date.now())
      yield { records, positions: [await this.#positionAt(this.#cutter.position)] }
    } catch (error) {
      if (!(error instanceof BadLine)) throw error
      this.#cutter.unread(cut)
      if (first > 0) this.#cutter.next(first)
      for (const { records, offset } of runsBetweenBadLines(this.#cutter, lines, this.#format, (at, bad) => this.#onBadLine(at, bad)))
        yield { records, positions: [await this.#positionAt(offset)] }
    }
  }

  /** @throws where bad.lines does not skip it */
  #onBadLine(at: number, error: BadLine): void {
    const { config, log } = this.#context
    const problem = `${config.file}: the line at byte ${at} ${error.message}`
    if (config['bad.lines'] === 'fail') throw new Error(`${problem}. Correct the line, or set bad.lines=skip.`, { cause: error })
    log.warn(`${problem}; it is skipped`)
  }

  #parseHeader(line: string): void {
    try {
      this.#format.header(line)
    } catch (error) {
      throw new Error(`${this.#context.config.file} cannot be read as CSV: ${(error as Error).message}`, { cause: error })
    }
    this.#needsHeader = false
  }

  async #positionAt(position: number) {
    return sourcePosition(this.#context.config.file, position, await this.#tail.head(position))
  }
}
