/** Appends the data set, slice by slice, to the files that the source connectors read. */
import { appendFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Feed } from './data-set.ts'
import { inputFile, type Layout } from './layout.ts'

const SLICES = 60
const EVERY_MS = 80

export class FeedWriter {
  /** Records in the files so far, by feed. */
  readonly written = new Map<Feed, number>()
  readonly #layout: Layout
  readonly #feeds: readonly Feed[]

  constructor(layout: Layout, feeds: readonly Feed[]) {
    this.#layout = layout
    this.#feeds = feeds
    for (const feed of feeds) this.written.set(feed, 0)
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let slice = 1; slice <= SLICES && !signal.aborted; slice++) {
      for (const feed of this.#feeds) {
        const from = this.written.get(feed)!
        const to = Math.round((feed.lines.length * slice) / SLICES)
        if (to === from) continue
        // CRLF in the CSV files, so that the connector reads both line ends.
        const end = feed.format === 'csv' ? '\r\n' : '\n'
        await appendFile(
          inputFile(this.#layout, feed),
          feed.lines
            .slice(from, to)
            .map((line) => line + end)
            .join(''),
        )
        this.written.set(feed, to)
      }
      await delay(EVERY_MS, undefined, { signal }).catch(() => {})
    }
  }
}
