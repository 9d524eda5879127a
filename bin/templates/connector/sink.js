/** The sink: each record becomes a line of JSON, in one file for each topic partition. After a crash no record is lost or there twice. */
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { BadRecord, defineSink, Retriable, setting } from 'tributary/connect/sdk'

/** A line that this sink has written is no longer than this. */
const MAX_LINE_BYTES = 8 * 1024 * 1024

export const sink = defineSink({
  class: 'org.example.MyPluginSinkConnector',
  settings: {
    folder: setting.string({ doc: 'The folder that the files are written to. It is created.', importance: 'HIGH' }),
  },

  // Called for each task; `tasks.max` tasks share the partitions of the topics.
  async start({ config: { folder } }) {
    await mkdir(folder, { recursive: true })
    /** File → its handle, its length, and the offset of its last record. */
    const files = new Map()

    async function fileOf({ topic, partition }) {
      const name = `${topic}-${partition}.jsonl`
      if (!files.has(name)) files.set(name, await openFile(join(folder, name)))
      return files.get(name)
    }

    return {
      // Records come in the order of each partition. An error other than BadRecord means: nothing of the batch counts.
      async write(records) {
        const bad = []
        /** File → the lines for it and the offset of the last. */
        const batch = new Map()
        for (const [index, record] of records.entries()) {
          // A dead letter that is replayed is older than what was written since: it goes by its place in the dead-letter queue.
          const place = record.replayOf ?? record
          const file = await fileOf(place)
          // After a crash, what was not committed is delivered again. What the file has already is not written twice. A topic that is
          // deleted and created anew begins at offset 0: move its files away first.
          if (place.offset <= file.offset) continue
          // The worker decides by errors.tolerance whether such a record goes to the dead-letter queue or fails the task.
          const line = lineOf(place.offset, record)
          if (line instanceof Error) bad.push(new BadRecord(index, line.message))
          else batch.set(file, { text: (batch.get(file)?.text ?? '') + line, offset: place.offset })
        }
        for (const [file, { text, offset }] of batch) await append(file, text, offset)
        const [first, ...also] = bad
        if (first) throw new BadRecord(first.index, first.message, { also })
      },

      // When it resolves, the worker commits the offsets of what was written: it must be on the disk.
      async flush() {
        for (const { handle } of files.values()) await handle.datasync()
      },

      // Another task has these partitions from now on.
      async close(partitions) {
        for (const { topic, partition } of partitions) {
          const name = `${topic}-${partition}.jsonl`
          await files.get(name)?.handle.close()
          files.delete(name)
        }
      },

      async stop() {
        for (const { handle } of files.values()) await handle.close()
        files.clear()
      },
    }
  },
})

/** A line with its newline, or why there is none. Whole numbers past 2^53 are bigints, and keep their digits. */
function lineOf(offset, { key, value, timestamp }) {
  if (value === null) return new Error('a record without a value is no line')
  const digits = (_name, each) => (typeof each === 'bigint' ? JSON.rawJSON(String(each)) : each)
  const line = `${JSON.stringify({ offset, timestamp, key, value }, digits)}\n`
  return Buffer.byteLength(line) > MAX_LINE_BYTES ? new Error(`the line would be longer than ${MAX_LINE_BYTES} bytes`) : line
}

async function append(file, text, offset) {
  const bytes = Buffer.from(text)
  try {
    for (let at = 0; at < bytes.length; ) at += (await file.handle.write(bytes, at, bytes.length - at, file.length + at)).bytesWritten
  } catch (cause) {
    // A part of a line must not stay. A full disk may have room later: the worker calls `write` again with the same records.
    await file.handle.truncate(file.length)
    throw new Retriable(`a file cannot be written: ${cause.message}`, { cause })
  }
  file.length += bytes.length
  file.offset = offset
}

/** Opens a file and finds out what it has: its last line says the offset. What is after its last newline was written by a task that crashed. */
async function openFile(path) {
  // For reading and writing; it is created where it is missing.
  await (await open(path, 'a')).close()
  const handle = await open(path, 'r+')
  const { size } = await handle.stat()
  const tail = Buffer.alloc(Math.min(size, 2 * MAX_LINE_BYTES))
  await handle.read(tail, 0, tail.length, size - tail.length)
  const end = tail.lastIndexOf('\n') + 1
  const length = size - tail.length + end
  if (length < size) await handle.truncate(length)
  if (end === 0) return { handle, length, offset: -1 }
  const line = tail.toString('utf8', end < 2 ? 0 : tail.lastIndexOf('\n', end - 2) + 1, end)
  return { handle, length, offset: JSON.parse(line).offset }
}
