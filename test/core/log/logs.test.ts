/**
 * Goal: the log directories of a broker are Kafka's: identity, lock, checkpoints, deletion, retention. Method: real folders, opened, closed
 * and changed by the test; a clock that the test advances.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLogs } from '../../../core/log/index.ts'
import { type Clock, realClock } from '../../../core/system/clock.ts'
import { until } from '../../until.ts'
import { batchOf, cleanerSettings, config, faultyDisk, options, readValues, type Scratch, scratch, T0, TOPIC_ID } from './scratch-log.ts'

/** A clock that advances by `pass` only. */
function manualClock(): { clock: Clock; pass(ms: number): void } {
  let now = realClock.now()
  const tasks: { at: number; period: number; task: () => void }[] = []
  const add = (delay: number, period: number, task: () => void) => {
    const entry = { at: now + delay, period, task }
    tasks.push(entry)
    return { cancel: () => void (entry.at = Number.POSITIVE_INFINITY) }
  }
  return {
    clock: { ...realClock, now: () => now, after: (ms, task) => add(ms, 0, task), every: (ms, task) => add(ms, ms, task) },
    pass(ms) {
      now += ms
      for (const entry of [...tasks]) {
        if (entry.at > now) continue
        entry.at = entry.period > 0 ? now + entry.period : Number.POSITIVE_INFINITY
        entry.task()
      }
    },
  }
}

let fixture: Scratch
let time: ReturnType<typeof manualClock>
beforeEach(() => {
  time = manualClock()
  fixture = scratch({ clock: time.clock })
})
afterEach(() => fixture.remove())

const read = (name: string) => readFileSync(join(fixture.dir, name), 'utf8')

describe('the identity of a log directory', () => {
  test('a new one gets a cluster id and keeps it', async () => {
    const logs = await fixture.open()
    const { clusterId } = logs
    expect(read('meta.properties')).toMatch(/^version=1\nnode.id=1\ndirectory.id=[\w-]{22}\ncluster.id=[\w-]{22}\n$/)
    await logs.close()
    expect((await fixture.open()).clusterId).toBe(clusterId)
  })

  test('an existing cluster.id is kept', async () => {
    writeFileSync(
      join(fixture.dir, 'meta.properties'),
      '#\n#Sun Nov 22 13:00:00 UTC 2026\ncluster.id=MkU3OEVBNTcwNTJENDM2Qk\ndirectory.id=MkU3OEVBNTcwNTJENDM2Qg\nnode.id=1\nversion=1\n',
    )
    expect((await fixture.open()).clusterId).toBe('MkU3OEVBNTcwNTJENDM2Qk')
    expect(read('meta.properties')).toContain('directory.id=MkU3OEVBNTcwNTJENDM2Qg')
  })

  test("another node's directory and directories of two clusters are refused", async () => {
    writeFileSync(join(fixture.dir, 'meta.properties'), 'cluster.id=x\nnode.id=7\nversion=1\n')
    await expect(fixture.open()).rejects.toThrow('belongs to node 7, this is node 1')
    const [one, two] = [join(fixture.dir, 'one'), join(fixture.dir, 'two')]
    for (const [index, dir] of [one, two].entries()) {
      mkdirSync(dir)
      writeFileSync(join(dir, 'meta.properties'), `cluster.id=c${index}\nnode.id=1\nversion=1\n`)
    }
    await expect(openLogs({ ...options(fixture.dir), dirs: [one, two] }, fixture.system)).rejects.toThrow(
      'directories of different clusters',
    )
    expect(existsSync(join(one, '.lock'))).toBe(false)
  })

  test.each([
    ['missing', null, 'is missing'],
    ['empty', '', 'has no cluster.id'],
    ['torn', 'version=1\nnode.id=1\ndirectory', 'has no cluster.id'],
  ])('partitions whose meta.properties is %s do not become another cluster', async (_what, left, complaint) => {
    const { logs } = await fixture.openLog()
    const { clusterId } = logs
    await logs.close()
    const file = join(fixture.dir, 'meta.properties')
    if (left === null) rmSync(file)
    else writeFileSync(file, left)
    const refused = fixture.open()
    await expect(refused).rejects.toThrow(`${file} ${complaint}, and the directory has partitions`)
    await expect(refused).rejects.toThrow('version=1, node.id=1, cluster.id=')
    expect([existsSync(file) ? read('meta.properties') : null, existsSync(join(fixture.dir, '.lock'))]).toEqual([left, false])
    writeFileSync(file, `version=1\nnode.id=1\ncluster.id=${clusterId}\n`)
    expect((await fixture.openLog()).logs.clusterId).toBe(clusterId)
  })

  test('a directory without meta.properties gets the cluster id of the other directory', async () => {
    const { logs } = await fixture.openLog()
    await logs.close()
    const two = join(fixture.dir, 'two')
    mkdirSync(two)
    const both = await openLogs({ ...options(fixture.dir), dirs: [fixture.dir, two] }, fixture.system)
    expect(both.clusterId).toBe(logs.clusterId)
    expect(read('two/meta.properties')).toContain(`cluster.id=${logs.clusterId}`)
    await both.close()
  })
})

test('a partition in two log directories is refused', async () => {
  const [one, two] = [join(fixture.dir, 'one'), join(fixture.dir, 'two')]
  const at = (dir: string) => openLogs({ ...options(fixture.dir), dirs: [dir] }, fixture.system)
  for (const dir of [one, two]) {
    const logs = await at(dir)
    await (await logs.open('t', TOPIC_ID, 0, config)).append(batchOf([dir])).durable
    await logs.close()
    if (dir === one) cpSync(join(one, 'meta.properties'), join(two, 'meta.properties'), { recursive: true })
  }
  const both = openLogs({ ...options(fixture.dir), dirs: [one, two] }, fixture.system)
  await expect(both).rejects.toThrow(`${join(one, 't-0')} and ${join(two, 't-0')}`)
  expect(existsSync(join(one, '.lock'))).toBe(false)
})

test('the deletion of the mark of the clean shutdown is durable before a partition is opened', async () => {
  await (await fixture.open()).close()
  const disk = faultyDisk()
  const synced: string[] = []
  disk.syncFolder = async (path) => {
    synced.push(`${path} ${existsSync(join(path, '.kafka_cleanshutdown'))}`)
  }
  const logs = await openLogs(options(fixture.dir), { ...fixture.system, disk })
  expect(synced).toEqual([`${fixture.dir} false`])
  await logs.close()
})

describe('the lock', () => {
  test('a lock of a live process is respected, that of a dead one is replaced', async () => {
    const logs = await fixture.open()
    await expect(fixture.open()).rejects.toThrow('is held by this process already')
    await logs.close()
    expect(existsSync(join(fixture.dir, '.lock'))).toBe(false)
    const owner = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    try {
      await until(() => owner.pid !== undefined, 'the process runs')
      writeFileSync(join(fixture.dir, '.lock'), `${owner.pid}\n`)
      await expect(fixture.open()).rejects.toThrow(`held by the live process ${owner.pid}`)
      writeFileSync(join(fixture.dir, '.lock'), `${owner.pid} 12345@another-boot\n`)
      await (await fixture.open()).close()
    } finally {
      owner.kill('SIGKILL')
    }
    // A defunct child that its parent does not wait for, as in containers whose first process reaps no children.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'])
    try {
      const pid = await new Promise<string>((resolve) => parent.stdout.once('data', (chunk) => resolve(String(chunk).trim())))
      await until(() => readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z '), 'the child to be defunct')
      writeFileSync(join(fixture.dir, '.lock'), pid)
      await (await fixture.open()).close()
    } finally {
      parent.kill('SIGKILL')
    }
    for (const stale of ['999999999', '', 'nonsense', String(process.pid)]) {
      writeFileSync(join(fixture.dir, '.lock'), stale)
      await (await fixture.open()).close()
    }
  })
})

describe('partitions', () => {
  test('are found at the next start, with their topic id', async () => {
    const { logs, log } = await fixture.openLog()
    await log.append(batchOf(['a'])).durable
    expect(read('t-0/partition.metadata')).toBe(`version: 0\ntopic_id: ${TOPIC_ID}`)
    expect([...logs.all()]).toEqual([log])
    expect(logs.get('t', 0)).toBe(log)
    expect(await logs.open('t', TOPIC_ID, 0, config)).toBe(log)
  })

  test('a folder of a deleted topic of the same name is renamed, not read', async () => {
    const { logs, log } = await fixture.openLog()
    await log.append(batchOf(['old'])).durable
    await log.deleteRecordsBefore(1)
    await logs.close()
    const again = await fixture.open()
    const fresh = await again.open('t', 'BBBBBBBBBBBBBBBBBBBBBQ', 0, config)
    expect([fresh.logStartOffset, fresh.logEndOffset]).toEqual([0, 0])
    expect(readdirSync(fixture.dir).filter((name) => /^t-0\.[0-9a-f]{32}-stray$/.test(name)).length).toBe(1)
  })

  test('a deletion renames at once and unlinks after file.delete.delay.ms, or at the next start', async () => {
    const { logs, log } = await fixture.openLog()
    await log.append(batchOf(['a'])).durable
    const pending = log.append(batchOf(['b'])).durable
    await logs.remove('t', 0)
    await pending
    expect(logs.get('t', 0)).toBeUndefined()
    const deleted = () => readdirSync(fixture.dir).filter((name) => /^t-0\.[0-9a-f]{32}-delete$/.test(name))
    expect(deleted().length).toBe(1)
    expect(() => log.append(batchOf(['c']))).toThrow()
    time.pass(60_001)
    await until(() => deleted().length === 0, 'the folder is unlinked')
    mkdirSync(join(fixture.dir, 't-1.0123-delete'))
    await logs.close()
    await fixture.open()
    await until(() => deleted().length === 0, 'the folder of the earlier deletion is unlinked')
  })

  test('are created in the directory with the fewest partitions', async () => {
    const dirs = ['a', 'b'].map((name) => join(fixture.dir, name))
    const logs = await fixture.open({ dirs })
    for (let partition = 0; partition < 4; partition++) await logs.open('t', TOPIC_ID, partition, config)
    for (const dir of dirs) expect(readdirSync(dir).filter((name) => name.startsWith('t-')).length).toBe(2)
  })

  test('a clean shutdown writes checkpoints as Kafka does', async () => {
    const { logs, log } = await fixture.openLog()
    await log.append(batchOf(['a', 'b', 'c'])).durable
    await log.deleteRecordsBefore(2)
    await logs.close()
    expect(read('recovery-point-offset-checkpoint')).toBe('0\n1\nt 0 3\n')
    expect(read('replication-offset-checkpoint')).toBe('0\n1\nt 0 3\n')
    expect(read('log-start-offset-checkpoint')).toBe('0\n1\nt 0 2\n')
    expect(read('t-0/leader-epoch-checkpoint')).toBe('0\n1\n0 2\n')
    expect(existsSync(join(fixture.dir, '.kafka_cleanshutdown'))).toBe(true)
  })

  test('a clean shutdown is not marked while a partition was not recovered', async () => {
    const { logs, log } = await fixture.openLog()
    await log.append(batchOf(['a'])).durable
    await logs.open('u', TOPIC_ID, 0, config)
    await logs.close()
    rmSync(join(fixture.dir, '.kafka_cleanshutdown'))
    const second = await fixture.openLog()
    await second.logs.close()
    expect(existsSync(join(fixture.dir, '.kafka_cleanshutdown'))).toBe(false)
    expect(read('recovery-point-offset-checkpoint')).toContain('u 0 0')
  })
})

describe('retention', () => {
  const hour = 3600_000
  const segments = () => readdirSync(join(fixture.dir, 't-0')).filter((name) => name.endsWith('.log')).length

  test('by size keeps at least retention.bytes; files are unlinked after the delay', async () => {
    const { log } = await fixture.openLog({ segmentBytes: 1000, retentionBytes: 2500 })
    for (let index = 0; index < 20; index++) await log.append(batchOf(['x'.repeat(300)])).durable
    const before = log.sizeBytes
    time.pass(hour + 1)
    expect(log.sizeBytes).toBeLessThan(before)
    expect(log.sizeBytes).toBeGreaterThanOrEqual(2500)
    expect(log.logStartOffset).toBeGreaterThan(0)
    expect((await readValues(log)).length).toBe(20 - log.logStartOffset)
    const deleted = () => readdirSync(join(fixture.dir, 't-0')).filter((name) => name.endsWith('.deleted'))
    expect(deleted().length).toBeGreaterThan(0)
    time.pass(60_001)
    await until(() => deleted().length === 0, 'the files are unlinked')
  })

  test('by size 0 keeps nothing', async () => {
    const { log } = await fixture.openLog({ retentionBytes: 0, fileDeleteDelayMs: 0 })
    await log.append(batchOf(['a'])).durable
    time.pass(3600_000)
    expect([log.logStartOffset, log.sizeBytes]).toEqual([1, 0])
    expect((await log.append(batchOf(['b']))).baseOffset).toBe(1)
  })

  test('by time deletes the active segment too, and offsets continue', async () => {
    const { logs, log } = await fixture.openLog({ segmentBytes: 1000, retentionMs: hour })
    for (let index = 0; index < 10; index++) await log.append(batchOf(['x'.repeat(300)], { timestamp: T0 })).durable
    time.pass(hour + 1)
    expect([log.logStartOffset, log.logEndOffset, log.sizeBytes, segments()]).toEqual([10, 10, 0, 1])
    await log.append(batchOf(['on'], { timestamp: time.clock.now() })).durable
    time.pass(hour / 2)
    expect(await readValues(log)).toEqual(['on'])
    await logs.close()
    const { log: again } = await fixture.openLog()
    expect([again.logStartOffset, again.logEndOffset]).toEqual([10, 11])
  })

  test('deletes nothing of a topic that is only compacted; of one with both policies, when the cleaner looks', async () => {
    const over = { segmentBytes: 1000, retentionMs: 1, retentionBytes: 1, minCleanableDirtyRatio: 1 }
    const { logs, log } = await fixture.openLog({ ...over, cleanupPolicy: ['compact'] })
    logs.configureCleaner(cleanerSettings)
    for (let index = 0; index < 10; index++) await log.append(batchOf(['x'.repeat(300)], { key: 'k', timestamp: T0 })).durable
    time.pass(hour + 1)
    expect(log.logStartOffset).toBe(0)
    log.configure({ ...config, ...over, cleanupPolicy: ['compact', 'delete'] })
    time.pass(cleanerSettings.backoffMs)
    expect(log.logStartOffset).toBeGreaterThan(0)
  })
})
