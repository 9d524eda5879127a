/**
 * Goal: our workers can replace a running Kafka Connect cluster and be replaced by it, and both can share a group. Method: Apache Kafka,
 * its Kafka Connect and our worker as processes; file connectors that follow a growing file. Nothing is killed, so each line must arrive
 * exactly once.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../until.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'
import { type Running, startKafkaConnect, startOurWorker, temporaryFolder, writeFile } from './workers.ts'

const folder = temporaryFolder()
const strings = 'org.apache.kafka.connect.storage.StringConverter'
const converters = { 'key.converter': strings, 'value.converter': strings }
let kafka: KafkaBroker
const started: Running[] = []

beforeAll(async () => {
  kafka = await startApacheKafka({ 'group.initial.rebalance.delay.ms': 0 })
}, 120_000)
afterAll(async () => {
  await Promise.all(started.map((process) => process.stop()))
  await kafka?.stop()
})

const begin = async (starting: Promise<Running>) => {
  const process = await starting
  started.push(process)
  return process
}
const end = async (process: Running) => {
  started.splice(started.indexOf(process), 1)
  await process.stop()
}

async function ask(worker: Running, method: string, path: string, body?: unknown): Promise<{ status: number; body: Body }> {
  const response = await fetch(`http://${worker.address}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}

/** What these tests read of a response body. */
type Body = Status & string[] & { message?: string; offsets?: unknown }

interface Status {
  connector: { state: string; worker_id: string }
  tasks: { id: number; state: string; worker_id: string; trace?: string }[]
}

const create = (worker: Running, name: string, config: Record<string, string>) =>
  until(
    async () => {
      const { status, body } = await ask(worker, 'POST', '/connectors', { name, config })
      if (status === 201 || (status === 409 && String(body.message).includes('already exists'))) return true
      throw new Error(`${status} ${JSON.stringify(body)}`)
    },
    `${name} is created`,
    60_000,
  )

async function running(worker: Running, name: string, tasks: number, seconds = 60): Promise<Status> {
  let last: Status | undefined
  try {
    return (await until(
      async () => {
        last = (await ask(worker, 'GET', `/connectors/${name}/status`)).body as Status
        const whole =
          last.connector.state === 'RUNNING' && last.tasks.length === tasks && last.tasks.every((task) => task.state === 'RUNNING')
        return whole && last
      },
      `${name} runs`,
      seconds * 1000,
    )) as Status
  } catch (cause) {
    throw new Error(`${name} does not run on ${worker.name}: ${JSON.stringify(last)}`, { cause })
  }
}

const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1)

/** Writes more lines and waits until all lines so far have arrived, in order. */
async function expectLines(input: string, output: string, from: number, to: number): Promise<void> {
  const lines = Array.from({ length: to - from }, (_, n) => `line ${from + n}`)
  appendFileSync(input, `${lines.join('\n')}\n`)
  await until(() => linesOf(output).length >= to, `${to} lines have arrived`, 60_000)
  expect(linesOf(output)).toEqual(Array.from({ length: to }, (_, n) => `line ${n}`))
}

test('our worker continues the connectors of a Kafka Connect cluster, and Kafka Connect continues them again', async () => {
  const input = writeFile(folder, 'taken.txt', '')
  const output = join(folder, 'taken-out.txt')
  const source = { 'connector.class': 'FileStreamSource', file: input, topic: 'taken', 'tasks.max': '1', ...converters }
  const sink = { 'connector.class': 'org.apache.kafka.connect.file.FileStreamSinkConnector', file: output, topics: 'taken', ...converters }

  const kafkaConnect = await begin(startKafkaConnect(folder, kafka.address, 'shared'))
  await create(kafkaConnect, 'source', source)
  await create(kafkaConnect, 'sink', sink)
  await create(kafkaConnect, 'paused', { ...source, topic: 'never' })
  await running(kafkaConnect, 'sink', 1)
  await expectLines(input, output, 0, 500)
  expect((await ask(kafkaConnect, 'PUT', '/connectors/paused/pause')).status).toBe(202)
  await end(kafkaConnect)

  const ours = await begin(startOurWorker(folder, kafka.address, 'shared'))
  expect((await ask(ours, 'GET', '/connectors')).body.sort()).toEqual(['paused', 'sink', 'source'])
  await running(ours, 'source', 1)
  await running(ours, 'sink', 1)
  await expectLines(input, output, 500, 1000)
  const paused = (await ask(ours, 'GET', '/connectors/paused/status')).body as Status
  expect(paused.connector.state).toBe('PAUSED')
  expect((await ask(ours, 'GET', '/connectors/source/topics')).body).toEqual({ source: { topics: ['taken'] } })
  const position = { partition: { filename: input }, offset: expect.objectContaining({ position: readFileSync(input).length }) }
  await until(
    async () => {
      expect((await ask(ours, 'GET', '/connectors/source/offsets')).body).toEqual({ offsets: [position] })
      return true
    },
    'the position is stored',
    10_000,
  )
  await end(ours)

  const again = await begin(startKafkaConnect(folder, kafka.address, 'shared'))
  await running(again, 'source', 1)
  await running(again, 'sink', 1)
  await expectLines(input, output, 1000, 1500)
  expect(((await ask(again, 'GET', '/connectors/paused/status')).body as Status).connector.state).toBe('PAUSED')
  await end(again)
}, 240_000)

test('workers of both kinds share one group, under a leader of either kind', async () => {
  for (const [group, first, second] of [
    ['java-leads', startKafkaConnect, startOurWorker],
    ['ours-leads', startOurWorker, startKafkaConnect],
  ] as const) {
    const leader = await begin(first(folder, kafka.address, group))
    const files = [0, 1, 2, 3].map((n) => ({
      name: `${group}-${n}`,
      input: writeFile(folder, `${group}-${n}.txt`, ''),
      output: join(folder, `${group}-${n}-out.txt`),
    }))
    for (const { name, input, output } of files) {
      await create(leader, `${name}-source`, { 'connector.class': 'FileStreamSource', file: input, topic: name, ...converters })
      await create(leader, `${name}-sink`, { 'connector.class': 'FileStreamSink', file: output, topics: name, ...converters })
    }
    for (const { name } of files) for (const side of ['source', 'sink']) await running(leader, `${name}-${side}`, 1)
    for (const { input, output } of files) await expectLines(input, output, 0, 10)

    const follower = await begin(second(folder, kafka.address, group))
    let shares: number[] = []
    await until(
      async () => {
        const seen: string[] = []
        for (const { name } of files)
          for (const side of ['source', 'sink']) seen.push((await running(follower, `${name}-${side}`, 1, 5)).tasks[0]!.worker_id)
        shares = [leader, follower].map((worker) => seen.filter((owner) => owner === worker.address).length)
        return shares[0] === 4 && shares[1] === 4
      },
      `${group}: both run half of the tasks`,
      90_000,
    ).catch((cause) => {
      throw new Error(`${group}: the shares are ${shares}`, { cause })
    })
    for (const { input, output } of files) await expectLines(input, output, 10, 20)

    // A follower of either kind forwards to the leader what only the leader may do.
    const more = { name: `${group}-more`, input: writeFile(folder, `${group}-more.txt`, 'line 0\n') }
    await create(follower, more.name, { 'connector.class': 'FileStreamSource', file: more.input, topic: more.name, ...converters })
    await running(follower, more.name, 1)
    expect((await ask(follower, 'DELETE', `/connectors/${more.name}`)).status).toBe(204)
    await end(follower)
    await end(leader)
  }
}, 400_000)
