/** The source: each line of each file in a folder becomes a record. Files may grow, and new ones may come. */
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { defineSource, EndOfSource, Retriable, setting, sourceRecord } from 'tributary/connect/sdk'

/** A batch has the lines of at most so many bytes: whatever the files have, memory is bounded. */
const CHUNK_BYTES = 256 * 1024
const NEWLINE = 0x0a

export const source = defineSource({
  class: 'org.example.MyPluginSourceConnector',

  // Declared once: the worker validates them, fills in defaults, and shows them in GET /connector-plugins/…/config.
  settings: {
    folder: setting.string({ doc: 'The folder whose files are read.', importance: 'HIGH' }),
    topic: setting.string({ doc: 'The topic that the lines are written to.', importance: 'HIGH' }),
    'poll.interval.ms': setting.int({
      default: 500,
      doc: 'How long to wait before the folder is looked at again.',
      check: (ms) => (ms < 1 ? 'Value must be at least 1' : undefined),
    }),
    watch: setting.boolean({ default: true, doc: 'Whether to wait for new lines. If false, reading ends after those that are there.' }),
  },

  // One task reads all files. With several, `tasks(config, maxTasks)` returns the settings of each.
  // Yields batches until `signal` aborts. With each batch it says where it is: the worker stores that position after Kafka has the records.
  async *read({ config: { folder, topic, watch, 'poll.interval.ms': pollMs }, positions, signal }) {
    /** File → the bytes that have been read of it. */
    const read = new Map()
    while (!signal.aborted) {
      let found = false
      for (const file of await filesIn(folder)) {
        if (signal.aborted) return
        // After a restart, reading goes on where it was. A position is of a source partition: here, of a file.
        const partition = { file }
        const at = read.get(file) ?? Number((await positions.get(partition))?.bytes ?? 0)
        const { lines, end } = await linesAt(join(folder, file), at)
        read.set(file, end)
        if (lines.length === 0) continue
        found = true
        yield {
          records: lines.map((value) => sourceRecord({ topic, key: file, value })),
          positions: [{ partition, offset: { bytes: end } }],
        }
      }
      if (found) continue
      // The task stays RUNNING and reads nothing more.
      if (!watch) throw new EndOfSource('all files are read')
      await pause(pollMs, undefined, { signal }).catch(() => {})
    }
  },
})

async function filesIn(folder) {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.flatMap((entry) => (entry.isFile() && !entry.name.startsWith('.') ? [entry.name] : [])).sort()
  } catch (cause) {
    // It may be there later, such as a network folder: the worker waits, and reads again from the stored positions.
    throw new Retriable(`the folder ${folder} cannot be read: ${cause.message}`, { cause })
  }
}

/** The whole lines from a byte on, and where they end. A line without its newline is still being written. */
async function linesAt(path, at) {
  const handle = await open(path).catch((cause) => {
    throw new Retriable(`${path} cannot be opened: ${cause.message}`, { cause })
  })
  try {
    const { size } = await handle.stat()
    if (size <= at) return { lines: [], end: at }
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - at))
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, at)
    const end = chunk.subarray(0, bytesRead).lastIndexOf(NEWLINE)
    // An error of any other class fails the task: nothing that the worker could do would help.
    if (end < 0 && bytesRead === CHUNK_BYTES) throw new Error(`the line at byte ${at} of ${path} is longer than ${CHUNK_BYTES} bytes`)
    return end < 0 ? { lines: [], end: at } : { lines: chunk.toString('utf8', 0, end).split(/\r?\n/), end: at + end + 1 }
  } finally {
    await handle.close()
  }
}
