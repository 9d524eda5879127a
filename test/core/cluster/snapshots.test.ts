/**
 * Goal: old snapshots are deleted by Kafka's rules, the newest never; unfinished ones are removed at the start. Method: the pure decision
 * as a table, and files in a temporary folder.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { expiredSnapshots, FIRST_VOTERS, Snapshots, snapshotName } from '../../../core/cluster/snapshots.ts'
import { realDisk } from '../../../core/system/disk.ts'

const NOW = 1_000_000
const snapshot = (endOffset: number, createdMs: number, sizeBytes = 100) => ({ endOffset, epoch: 1, createdMs, sizeBytes })

test.each([
  ['none', [], 0, { retentionBytes: 0, retentionMs: 0 }, 0],
  ['the newest stays', [snapshot(10, 0)], 1000, { retentionBytes: 0, retentionMs: 0 }, 0],
  ['old ones', [snapshot(10, 0), snapshot(20, 500_000), snapshot(30, 999_999)], 0, { retentionBytes: -1, retentionMs: 600_000 }, 1],
  ['until the size is kept', [snapshot(10, NOW), snapshot(20, NOW), snapshot(30, NOW)], 100, { retentionBytes: 300, retentionMs: -1 }, 1],
  ['all but one', [snapshot(10, NOW), snapshot(20, NOW), snapshot(30, NOW)], 9999, { retentionBytes: 300, retentionMs: -1 }, 2],
  ['no limits', [snapshot(10, 0), snapshot(20, 0)], 9999, { retentionBytes: -1, retentionMs: -1 }, 0],
])('%s', (_, snapshots, logBytes, retention, expected) => {
  expect(expiredSnapshots(snapshots, logBytes, retention, NOW)).toBe(expected)
})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-snapshots-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('complete ones are found in order, unfinished and deleted ones are removed, only the owner may read them', async () => {
  const names = [snapshotName(FIRST_VOTERS), snapshotName({ endOffset: 90, epoch: 2 }), snapshotName({ endOffset: 100, epoch: 3 })]
  const unfinished = [`${snapshotName({ endOffset: 7, epoch: 1 })}.deleted`, '00000000000000000120-0000000003-8317.checkpoint.part']
  for (const name of [...names, ...unfinished, '00000000000000000000.log']) writeFileSync(join(folder, name), 'x')
  const snapshots = new Snapshots(realDisk, folder)
  expect(snapshots.ids).toEqual([
    { endOffset: 90, epoch: 2 },
    { endOffset: 100, epoch: 3 },
  ])
  expect([snapshots.hasFirstVoters, snapshots.newest]).toEqual([true, { endOffset: 100, epoch: 3 }])
  await snapshots.write({ endOffset: 130, epoch: 3 }, Buffer.from('new'))
  expect((await import('node:fs')).statSync(join(folder, snapshotName({ endOffset: 130, epoch: 3 }))).mode & 0o777).toBe(0o600)
  snapshots.deleteOldest(2)
  expect(readdirSync(folder).sort()).toEqual(['00000000000000000000.log', names[0], snapshotName({ endOffset: 130, epoch: 3 })].sort())
})
