/**
 * Goal: a damaged journal does not silently drop topics. The broker refuses to start, with a message that names the file and what to do, on
 * every attempt, and changes nothing on disk. A torn event at the end, as a crash leaves it, is no damage. Method: brokers on real folders
 * after a clean stop or a kill, with bytes of the journal changed.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startBroker } from '../../core/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { attributes } from '../../core/wire/batch-header.ts'
import { decodeMetadataRecord } from '../../core/wire/metadata-records.ts'
import { batches, decodeRecords } from '../../core/wire/record-batch.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tributary-journal-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const start = (dir: string) =>
  startBroker({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': dir }, { ...realSystem('silent'), logger: silentLogger })

const journalOf = (dir: string) => join(dir, '__cluster_metadata-0', `${'0'.repeat(20)}.log`)

/** A folder with the topics a, b and c after a clean stop or a kill. */
async function folderAfter(how: 'a clean stop' | 'a kill'): Promise<string> {
  const [live, killed] = [join(root, 'live'), join(root, 'killed')]
  const broker = await start(live)
  for (const name of ['a', 'b', 'c']) {
    await broker.cluster.createTopic({ name, partitions: 1, replicationFactor: 1 })
    // The log is created at its first use.
    broker.logs.get(name, 0)
  }
  cpSync(live, killed, { recursive: true, filter: (path) => !/\.(lock|tmp)$/.test(path) })
  await broker.close()
  return how === 'a clean stop' ? live : killed
}

const foldersOf = (dir: string) => readdirSync(dir).filter((name) => /-\d+$|-stray$/.test(name))

/** The position of the batch that creates topic b in the journal. */
function secondTopicPosition(dir: string): number {
  const bytes = readFileSync(journalOf(dir))
  for (const { header, bytes: batch } of batches(bytes)) {
    const isTopic = (value: Buffer | null) => {
      const record = decodeMetadataRecord(value!)
      return record.type === 'TopicRecord' && record.name === 'b'
    }
    if ((header.attributes & attributes.control) === 0 && decodeRecords(batch).some(({ value }) => isTopic(value)))
      return batch.byteOffset - bytes.byteOffset
  }
  throw new Error('no topic b')
}

function flipBit(file: string, at: number): void {
  const bytes = readFileSync(file)
  bytes[at]! ^= 0x10
  writeFileSync(file, bytes)
}

test.each([
  ['a clean stop', 'content', 80],
  ['a clean stop', 'magic', 16],
  ['a kill', 'content', 80],
  ['a kill', 'length', 9],
  ['a kill', 'magic', 16],
] as const)('after %s, a damaged event (%s) fails every start', async (how, _what, at) => {
  const dir = await folderAfter(how)
  const second = secondTopicPosition(dir)
  flipBit(journalOf(dir), second + at)
  const left = readFileSync(journalOf(dir))
  for (let attempt = 0; attempt < 2; attempt++) await expect(start(dir)).rejects.toThrow(journalOf(dir))
  expect(readFileSync(journalOf(dir))).toEqual(left)
  expect(foldersOf(dir)).toEqual(['__cluster_metadata-0', 'a-0', 'b-0', 'c-0'])
  // What the message tells the operator to do.
  truncateSync(journalOf(dir), second)
  const broker = await start(dir)
  expect([...broker.cluster.topics()].map(({ name }) => name)).toEqual(['a'])
  await broker.close()
})

test.each(['a clean stop', 'a kill'] as const)(
  'after %s, a journal with the topic id of another log fails the start; it is not set aside',
  async (how) => {
    const dir = await folderAfter(how)
    const file = join(dir, '__cluster_metadata-0', 'partition.metadata')
    flipBit(file, statSync(file).size - 3)
    for (let attempt = 0; attempt < 2; attempt++) await expect(start(dir)).rejects.toThrow(file)
    expect(foldersOf(dir)).toEqual(['__cluster_metadata-0', 'a-0', 'b-0', 'c-0'])
  },
)

test('a torn event at the end of the journal is no damage', async () => {
  const dir = await folderAfter('a kill')
  truncateSync(journalOf(dir), statSync(journalOf(dir)).size - 5)
  const broker = await start(dir)
  expect([...broker.cluster.topics()].map(({ name }) => name)).toEqual(['a', 'b'])
  await broker.close()
})
