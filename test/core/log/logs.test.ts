/**
 * Goal: the folders of a broker are Kafka's: who they belong to, who holds them, what is deleted and kept. Method: real folders, opened, closed, tampered with;
 * a clock in the test's hand where something waits.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLogs } from '../../../core/log/index.ts'
import { type Clock, realClock } from '../../../core/system/clock.ts'
import { until } from '../../until.ts'
import { batchOf, config, faultyDisk, options, readValues, type Scratch, scratch, T0, TOPIC_ID } from './scratch-log.ts'

/** Wall time and timers that move when the test says so. */
function handClock(): { clock: Clock; pass(ms: number): void } {
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

let room: Scratch
let hand: ReturnType<typeof handClock>
beforeEach(() => {
  hand = handClock()
  room = scratch({ clock: hand.clock })
})
afterEach(() => room.remove())

const read = (name: string) => readFileSync(join(room.dir, name), 'utf8')

describe('who a folder belongs to', () => {
  test('a new one gets a cluster id that stays', async () => {
    const logs = await room.open()
    const { clusterId } = logs
    expect(read('meta.properties')).toMatch(/^version=1\nnode.id=1\ndirectory.id=[\w-]{22}\ncluster.id=[\w-]{22}\n$/)
    await logs.close()
    expect((await room.open()).clusterId).toBe(clusterId)
  })

  test('an existing cluster.id is honoured, comments and all', async () => {
    writeFileSync(
      join(room.dir, 'meta.properties'),
      '#\n#Sun Nov 22 13:00:00 UTC 2026\ncluster.id=MkU3OEVBNTcwNTJENDM2Qk\ndirectory.id=abc\nnode.id=1\nversion=1\n',
    )
    expect((await room.open()).clusterId).toBe('MkU3OEVBNTcwNTJENDM2Qk')
    expect(read('meta.properties')).toContain('directory.id=abc')
  })

  test("another node's folder and folders of two clusters are refused with a sentence", async () => {
    writeFileSync(join(room.dir, 'meta.properties'), 'cluster.id=x\nnode.id=7\nversion=1\n')
    await expect(room.open()).rejects.toThrow('belongs to node 7, this is node 1')
    const [one, two] = [join(room.dir, 'one'), join(room.dir, 'two')]
    for (const [index, dir] of [one, two].entries()) {
      mkdirSync(dir)
      writeFileSync(join(dir, 'meta.properties'), `cluster.id=c${index}\nnode.id=1\nversion=1\n`)
    }
    await expect(openLogs({ ...options(room.dir), dirs: [one, two] }, room.system)).rejects.toThrow('directories of different clusters')
    expect(existsSync(join(one, '.lock'))).toBe(false)
  })

  test.each([
    ['missing', null, 'is missing'],
    ['empty', '', 'has no cluster.id'],
    ['torn', 'version=1\nnode.id=1\ndirectory', 'has no cluster.id'],
  ])('partitions whose meta.properties is %s do not become another cluster', async (_what, left, complaint) => {
    const { logs } = await room.openLog()
    const { clusterId } = logs
    await logs.close()
    const file = join(room.dir, 'meta.properties')
    if (left === null) rmSync(file)
    else writeFileSync(file, left)
    const refused = room.open()
    await expect(refused).rejects.toThrow(`${file} ${complaint}, and the directory has partitions`)
    await expect(refused).rejects.toThrow('version=1, node.id=1, cluster.id=')
    expect([existsSync(file) ? read('meta.properties') : null, existsSync(join(room.dir, '.lock'))]).toEqual([left, false])
    writeFileSync(file, `version=1\nnode.id=1\ncluster.id=${clusterId}\n`)
    expect((await room.openLog()).logs.clusterId).toBe(clusterId)
  })

  test('a folder without meta.properties beside one that has it joins that one', async () => {
    const { logs } = await room.openLog()
    await logs.close()
    const two = join(room.dir, 'two')
    mkdirSync(two)
    const both = await openLogs({ ...options(room.dir), dirs: [room.dir, two] }, room.system)
    expect(both.clusterId).toBe(logs.clusterId)
    expect(read('two/meta.properties')).toContain(`cluster.id=${logs.clusterId}`)
    await both.close()
  })
})

test('one partition in two folders is refused with a sentence: nobody knows which one is right', async () => {
  const [one, two] = [join(room.dir, 'one'), join(room.dir, 'two')]
  const at = (dir: string) => openLogs({ ...options(room.dir), dirs: [dir] }, room.system)
  for (const dir of [one, two]) {
    const logs = await at(dir)
    await (await logs.open('t', TOPIC_ID, 0, config)).append(batchOf([dir])).durable
    await logs.close()
    if (dir === one) cpSync(join(one, 'meta.properties'), join(two, 'meta.properties'), { recursive: true })
  }
  const both = openLogs({ ...options(room.dir), dirs: [one, two] }, room.system)
  await expect(both).rejects.toThrow(`${join(one, 't-0')} and ${join(two, 't-0')}`)
  expect(existsSync(join(one, '.lock'))).toBe(false)
})

test('that the mark of a clean stop is gone is durable before anything is opened', async () => {
  await (await room.open()).close()
  const disk = faultyDisk()
  const synced: string[] = []
  disk.syncFolder = async (path) => {
    synced.push(`${path} ${existsSync(join(path, '.kafka_cleanshutdown'))}`)
  }
  const logs = await openLogs(options(room.dir), { ...room.system, disk })
  expect(synced).toEqual([`${room.dir} false`])
  await logs.close()
})

describe('the lock', () => {
  test('a live holder refuses, a dead one does not', async () => {
    const logs = await room.open()
    await expect(room.open()).rejects.toThrow('is held by this process already')
    await logs.close()
    expect(existsSync(join(room.dir, '.lock'))).toBe(false)
    const holder = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    try {
      await until(() => holder.pid !== undefined, 'the holder runs')
      writeFileSync(join(room.dir, '.lock'), `${holder.pid}\n`)
      await expect(room.open()).rejects.toThrow(`held by the live process ${holder.pid}`)
      writeFileSync(join(room.dir, '.lock'), `${holder.pid} 12345@another-boot\n`)
      await (await room.open()).close()
    } finally {
      holder.kill('SIGKILL')
    }
    // killed, and nobody asks how it ended: what a container is full of whose first process does not care for orphans
    const careless = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'])
    try {
      const pid = await new Promise<string>((resolve) => careless.stdout.once('data', (chunk) => resolve(String(chunk).trim())))
      await until(() => readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z '), 'the child to be defunct')
      writeFileSync(join(room.dir, '.lock'), pid)
      await (await room.open()).close()
    } finally {
      careless.kill('SIGKILL')
    }
    for (const stale of ['999999999', '', 'nonsense', String(process.pid)]) {
      writeFileSync(join(room.dir, '.lock'), stale)
      await (await room.open()).close()
    }
  })
})

describe('partitions', () => {
  test('are found again, with their topic id', async () => {
    const { logs, log } = await room.openLog()
    await log.append(batchOf(['a'])).durable
    expect(read('t-0/partition.metadata')).toBe(`version: 0\ntopic_id: ${TOPIC_ID}`)
    expect([...logs.all()]).toEqual([log])
    expect(logs.get('t', 0)).toBe(log)
    expect(await logs.open('t', TOPIC_ID, 0, config)).toBe(log)
  })

  test('a folder of a deleted topic of the same name is set aside, not read', async () => {
    const { logs, log } = await room.openLog()
    await log.append(batchOf(['old'])).durable
    await log.deleteRecordsBefore(1)
    await logs.close()
    const again = await room.open()
    const fresh = await again.open('t', 'BBBBBBBBBBBBBBBBBBBBBQ', 0, config)
    expect([fresh.logStartOffset, fresh.logEndOffset]).toEqual([0, 0])
    expect(readdirSync(room.dir).filter((name) => /^t-0\.[0-9a-f]{32}-stray$/.test(name)).length).toBe(1)
  })

  test('removal renames at once and unlinks after file.delete.delay.ms; leftovers go at the next start', async () => {
    const { logs, log } = await room.openLog()
    await log.append(batchOf(['a'])).durable
    const pending = log.append(batchOf(['b'])).durable
    await logs.remove('t', 0)
    await pending
    expect(logs.get('t', 0)).toBeUndefined()
    const gone = () => readdirSync(room.dir).filter((name) => /^t-0\.[0-9a-f]{32}-delete$/.test(name))
    expect(gone().length).toBe(1)
    expect(() => log.append(batchOf(['c']))).toThrow()
    hand.pass(60_001)
    await until(() => gone().length === 0, 'the folder is unlinked')
    mkdirSync(join(room.dir, 't-1.0123-delete'))
    await logs.close()
    await room.open()
    await until(() => gone().length === 0, 'the leftover is unlinked')
  })

  test('go to the folder that has fewest of them', async () => {
    const dirs = ['a', 'b'].map((name) => join(room.dir, name))
    const logs = await room.open({ dirs })
    for (let partition = 0; partition < 4; partition++) await logs.open('t', TOPIC_ID, partition, config)
    for (const dir of dirs) expect(readdirSync(dir).filter((name) => name.startsWith('t-')).length).toBe(2)
  })

  test('a clean stop leaves checkpoints as Kafka writes them', async () => {
    const { logs, log } = await room.openLog()
    await log.append(batchOf(['a', 'b', 'c'])).durable
    await log.deleteRecordsBefore(2)
    await logs.close()
    expect(read('recovery-point-offset-checkpoint')).toBe('0\n1\nt 0 3\n')
    expect(read('replication-offset-checkpoint')).toBe('0\n1\nt 0 3\n')
    expect(read('log-start-offset-checkpoint')).toBe('0\n1\nt 0 2\n')
    expect(read('t-0/leader-epoch-checkpoint')).toBe('0\n1\n0 2\n')
    expect(existsSync(join(room.dir, '.kafka_cleanshutdown'))).toBe(true)
  })

  test('a start after a crash that reads only some partitions does not vouch for the others', async () => {
    const { logs, log } = await room.openLog()
    await log.append(batchOf(['a'])).durable
    await logs.open('u', TOPIC_ID, 0, config)
    await logs.close()
    rmSync(join(room.dir, '.kafka_cleanshutdown'))
    const second = await room.openLog()
    await second.logs.close()
    expect(existsSync(join(room.dir, '.kafka_cleanshutdown'))).toBe(false)
    expect(read('recovery-point-offset-checkpoint')).toContain('u 0 0')
  })
})

describe('retention', () => {
  const hour = 3600_000
  const segments = () => readdirSync(join(room.dir, 't-0')).filter((name) => name.endsWith('.log')).length

  test('by size keeps at least what is asked for; files go after the delay', async () => {
    const { log } = await room.openLog({ segmentBytes: 1000, retentionBytes: 2500 })
    for (let index = 0; index < 20; index++) await log.append(batchOf(['x'.repeat(300)])).durable
    const before = log.sizeBytes
    hand.pass(hour + 1)
    expect(log.sizeBytes).toBeLessThan(before)
    expect(log.sizeBytes).toBeGreaterThanOrEqual(2500)
    expect(log.logStartOffset).toBeGreaterThan(0)
    expect((await readValues(log)).length).toBe(20 - log.logStartOffset)
    const deleted = () => readdirSync(join(room.dir, 't-0')).filter((name) => name.endsWith('.deleted'))
    expect(deleted().length).toBeGreaterThan(0)
    hand.pass(60_001)
    expect(deleted()).toEqual([])
  })

  test('by size nothing is kept where nothing is asked for', async () => {
    const { log } = await room.openLog({ retentionBytes: 0, fileDeleteDelayMs: 0 })
    await log.append(batchOf(['a'])).durable
    hand.pass(3600_000)
    expect([log.logStartOffset, log.sizeBytes]).toEqual([1, 0])
    expect((await log.append(batchOf(['b']))).baseOffset).toBe(1)
  })

  test('by time takes the active segment too, and offsets go on', async () => {
    const { logs, log } = await room.openLog({ segmentBytes: 1000, retentionMs: hour })
    for (let index = 0; index < 10; index++) await log.append(batchOf(['x'.repeat(300)], { timestamp: T0 })).durable
    hand.pass(hour + 1)
    expect([log.logStartOffset, log.logEndOffset, log.sizeBytes, segments()]).toEqual([10, 10, 0, 1])
    await log.append(batchOf(['on'], { timestamp: hand.clock.now() })).durable
    hand.pass(hour / 2)
    expect(await readValues(log)).toEqual(['on'])
    await logs.close()
    const { log: again } = await room.openLog()
    expect([again.logStartOffset, again.logEndOffset]).toEqual([10, 11])
  })

  test('leaves topics alone that are only compacted', async () => {
    const { log } = await room.openLog({ segmentBytes: 1000, retentionMs: 1, retentionBytes: 1, cleanupPolicy: ['compact'] })
    for (let index = 0; index < 10; index++) await log.append(batchOf(['x'.repeat(300)], { key: 'k', timestamp: T0 })).durable
    hand.pass(hour + 1)
    expect(log.logStartOffset).toBe(0)
    log.configure({ ...config, segmentBytes: 1000, retentionBytes: 1, cleanupPolicy: ['compact', 'delete'] })
    hand.pass(hour + 1)
    expect(log.logStartOffset).toBeGreaterThan(0)
  })
})
