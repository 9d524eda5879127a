/**
 * A folder for the tests of a file, and tasks of the directory source that read it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { type LogLine, StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import type { Position, SourceRecord } from '../../../connect/sdk/index.ts'
import { directorySource } from '../../../connectors/directory/source.ts'

export class FolderForTests {
  path = ''
  positions = new StoredPositions()
  logged: LogLine[] = []
  last: Position | undefined
  /** Whether positions are stored as they come. Those that are not are in `unstored`. */
  stores = true
  unstored: Position[] = []
  /** Called after each batch. */
  onBatch: (records: readonly SourceRecord[]) => Promise<void> | void = () => {}

  constructor() {
    beforeEach(async () => {
      this.path = await mkdtemp(join(tmpdir(), 'tributary-directory-'))
      this.positions = new StoredPositions()
      this.stores = true
      this.unstored = []
      this.onBatch = () => {}
    })
    afterEach(async () => rm(this.path, { recursive: true }))
  }

  write = (name: string, content: string | Uint8Array) => writeFile(join(this.path, name), content)

  /** The first records of a task, whose positions are stored, and heard of by the task; then it stops. */
  async read(count: number, config: Record<string, string> = {}, task = 0): Promise<SourceRecord[]> {
    const stop = new AbortController()
    const raw = { 'input.path': this.path, topic: 't', 'empty.poll.wait.ms': '5', ...config }
    const context = { ...taskContext(directorySource.settings, raw, stop.signal), task }
    this.logged = context.logged
    const { positions } = this
    const records: SourceRecord[] = []
    for await (const batch of directorySource.read({ ...context, positions, onPositionsStored: positions.onPositionsStored })) {
      records.push(...batch.records)
      if (this.stores) positions.store(batch.positions)
      else this.unstored.push(...batch.positions)
      this.last = batch.positions[0]
      await this.onBatch(batch.records)
      if (records.length >= count) stop.abort()
    }
    return records
  }
}

export const values = (records: readonly SourceRecord[]) => records.map(({ value }) => value)
