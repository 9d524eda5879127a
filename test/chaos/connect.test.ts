/**
 * Goal: kill -9 of a worker loses no record and keeps Invariants 6 and 7: the source resumes from a stored position that is never ahead of
 * what is durable, and the file sink has each record of the topic once, in order. Method: one worker with a file source and a file sink,
 * killed at random moments while a file grows, and restarted. Afterwards the topic is read: apart from repetitions at the restarts
 * (at-least-once) its lines count up one by one, and the sink's file is the topic.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { seededRandom } from '../random.ts'
import { startTestBroker } from '../running-broker.ts'
import { testWorker } from '../running-worker.ts'
import { until } from '../until.ts'

const ROUNDS = 5
const LINES_A_ROUND = 20_000

const line = (number: number): string => `${number} ${'the river rises '.repeat(8)}\n`

test('kill -9 of a worker, five times under load: no line is lost, and the sink file is the topic', { timeout: 120_000 }, async () => {
  const random = seededRandom()
  const broker = await startTestBroker()
  onTestFinished(() => broker.stop())
  const folder = mkdtempSync(join(tmpdir(), 'tributary-chaos-connect-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [source, sink] = [join(folder, 'in.txt'), join(folder, 'out.txt')]
  writeFileSync(source, '')

  const strings = 'org.apache.kafka.connect.storage.StringConverter'
  const worker = await testWorker('connect', broker.address, {
    'key.converter': strings,
    'key.converter.schemas.enable': null,
    'value.converter': strings,
    'value.converter.schemas.enable': null,
    'heartbeat.interval.ms': null,
    'offset.flush.interval.ms': '200',
    'consumer.session.timeout.ms': '6000',
    'consumer.heartbeat.interval.ms': '1000',
  })
  onTestFinished(() => worker.stop())

  const create = async (name: string, config: Record<string, string>) => {
    const response = await fetch(`${worker.url}/connectors`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, config }),
    })
    expect([response.status, await response.text()]).toEqual([201, expect.any(String)])
  }

  const client = createClient({ bootstrapServers: broker.address, clientId: 'chaos' }, realSystem('silent'))
  onTestFinished(() => client.close())
  const endOffset = async () => (await client.admin.listOffsets([{ topic: 'lines', partition: 0, spec: 'latest' }]))[0]?.offset ?? 0

  await worker.start()
  await create('in', { 'connector.class': 'FileStreamSource', file: source, topic: 'lines', 'batch.size': '500' })
  await create('out', { 'connector.class': 'FileStreamSink', file: sink, topics: 'lines' })

  let written = 0
  for (let round = 1; round <= ROUNDS; round++) {
    const before = await endOffset().catch(() => 0)
    appendFileSync(source, Array.from({ length: LINES_A_ROUND }, () => line(written++)).join(''))
    await until(async () => (await endOffset()) > before, `records flow in round ${round}:\n${worker.output}`, 30_000)
    const moment = performance.now() + random() * 300
    await until(() => performance.now() > moment, 'the moment of the kill')
    await worker.kill()
    await worker.start()
  }
  // Nothing is killed after this line, so all that the last restart repeats comes before it.
  appendFileSync(source, line(written++))

  const consumer = client.consumer({ autoOffsetReset: 'earliest' })
  onTestFinished(() => consumer.close())
  consumer.assign([{ topic: 'lines', partition: 0, offset: 'earliest' }])
  const topic: string[] = []
  await until(
    async () => {
      for (const { records } of await consumer.poll(100)) for (const { value } of records) topic.push(`${value!.toString()}\n`)
      return topic.at(-1) === line(written - 1)
    },
    `the last line arrives in the topic:\n${worker.output}`,
    60_000,
  )
  let next = 0
  let stepsBack = 0
  for (const text of topic) {
    const number = Number.parseInt(text, 10)
    expect(number, `a line is missing before ${number}`).toBeLessThanOrEqual(next)
    if (number < next) stepsBack++
    expect(text).toBe(line(number))
    next = number + 1
  }
  expect(stepsBack, 'more steps back than restarts').toBeLessThanOrEqual(ROUNDS)
  const repeated = topic.length - written
  console.log(`${written} lines, ${repeated} of them twice in the topic after ${ROUNDS} kills (at least once), ${stepsBack} steps back`)

  // A restarted sink truncates its file first: only what it has committed remains.
  const committed = async () => (await client.admin.groupOffsets('connect-out')).find((each) => each.topic === 'lines')?.offset
  await until(async () => (await committed()) === topic.length, `the sink has committed all of the topic:\n${worker.output}`, 60_000)
  const delivered = readFileSync(sink, 'utf8').split('\n').slice(0, -1)
  const differs = delivered.findIndex((text, index) => `${text}\n` !== topic[index])
  const around = (lines: readonly string[]) => lines.slice(Math.max(0, differs - 1), differs + 2).map((text) => Number.parseInt(text, 10))
  expect(differs, `line ${differs} of the sink: ${around(delivered)} where the topic has ${around(topic)}`).toBe(-1)
  expect(delivered.length, 'the sink file is the topic, each record once and in order').toBe(topic.length)
})
