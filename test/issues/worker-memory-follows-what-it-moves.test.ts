/**
 * Issue: a worker that only moved lines of a file into a topic and out of it took 435 MB: the records of all batches that were not
 * acknowledged yet, and the garbage that V8 kept of them. Goal: its memory does not follow what it moves. Method: the real worker on a real
 * broker, a file many times as large as what may be in flight, and the peak that the kernel has counted.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { type TestWorker, testWorker } from '../running-worker.ts'
import { until } from '../until.ts'

const LINES = 400_000
/** It begins with about 100 MB, and was at 192 MB on two busy cores. */
const MAX_MB = 250
const folder = mkdtempSync(join(tmpdir(), 'tributary-memory-'))
const running: (TestBroker | TestWorker)[] = []
afterAll(async () => {
  for (const one of running) await one.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** MB of memory that a process had at its highest. */
const peakMb = (pid: number): number => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024

test.runIf(process.platform === 'linux')(
  'a worker that moves a file through a topic holds little more than what is on its way',
  async () => {
    const [from, to] = [join(folder, 'from.txt'), join(folder, 'to.txt')]
    writeFileSync(from, `${'station of the river '.repeat(10)}\n`.repeat(LINES))
    const broker = await startTestBroker()
    running.push(broker)
    const worker = await testWorker('memory', broker.address, { 'value.converter': 'org.apache.kafka.connect.storage.StringConverter' })
    running.push(worker)
    await worker.start()
    await worker.configure('in', { 'connector.class': 'FileStreamSource', file: from, topic: 'lines' })
    await worker.configure('out', { 'connector.class': 'FileStreamSink', file: to, topics: 'lines' })
    await until(() => statSync(to).size === statSync(from).size, 'the file is copied', 120_000)
    expect(peakMb(worker.pid)).toBeLessThan(MAX_MB)
  },
  180_000,
)
