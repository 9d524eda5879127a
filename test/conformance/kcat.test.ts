/**
 * Goal: kcat (an older librdkafka, as the distributions ship it) works unchanged.
 * Method: the scenario over processes. A member commits when it leaves, as kcat does; a metadata request creates a topic.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { kcatMissing } from '../services/kcat.ts'
import { conforms, type ForeignClient, type ForeignMember, type Row } from './scenario.ts'

/** Separates fields: no value contains it. */
const TAB = '\t'

function start(args: readonly string[]): ChildProcess {
  return spawn('kcat', args, { stdio: ['pipe', 'pipe', 'pipe'] })
}

async function run(args: readonly string[], input = ''): Promise<string> {
  const child = start(args)
  let out = ''
  let err = ''
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (out += chunk))
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (err += chunk))
  child.stdin!.end(input)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`kcat ${args.join(' ')} ended with ${code}: ${err}`)
  return out
}

const FORMAT = `%k${TAB}%s${TAB}%h\n`
const rowOf = (line: string): Row => {
  const [key = '', value = '', headers = ''] = line.split(TAB)
  return { key, value, origin: headers.replace(/^origin=/, '') }
}

async function open(address: string): Promise<ForeignClient> {
  const running = new Set<ChildProcess>()
  const group = ['-X', 'session.timeout.ms=10000', '-X', 'heartbeat.interval.ms=300', '-X', 'fetch.wait.max.ms=100']

  async function join(groupId: string, topic: string): Promise<ForeignMember> {
    const child = start(['-b', address, '-u', ...group, '-X', 'auto.offset.reset=earliest', '-f', FORMAT, '-G', groupId, topic])
    running.add(child)
    const received: Row[] = []
    let partitions: number[] = []
    let rest = ''
    let log = ''
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      for (const line of lines) received.push(rowOf(line))
    })
    child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (log + chunk).split('\n')
      log = lines.pop()!
      for (const line of lines) {
        if (line.includes('revoked')) partitions = []
        else if (line.includes('assigned')) partitions = [...line.matchAll(/\[(\d+)\]/g)].map(([, partition]) => Number(partition))
      }
    })
    return {
      received,
      partitions: () => partitions,
      commit: async () => {},
      async leave() {
        running.delete(child)
        child.kill('SIGTERM')
        await once(child, 'close')
        partitions = []
      },
    }
  }

  return {
    codecs: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    async createTopic(topic) {
      await run(['-b', address, '-L', '-t', topic])
    },
    async produce(topic, codec, rows) {
      const origin = rows[0]!.origin
      const lines = rows.map(({ key, value }) => `${key}${TAB}${value}\n`).join('')
      await run(
        ['-b', address, '-P', '-t', topic, '-z', codec, '-K', TAB, '-H', `origin=${origin}`, '-X', 'enable.idempotence=true'],
        lines,
      )
    },
    async read(topic, count) {
      const out = await run(['-b', address, '-C', '-t', topic, '-o', 'beginning', '-c', String(count), '-e', '-f', FORMAT])
      return out.split('\n').slice(0, -1).map(rowOf)
    },
    join,
    async close() {
      for (const child of running) child.kill('SIGKILL')
    },
  }
}

conforms('kcat', open, await kcatMissing())
