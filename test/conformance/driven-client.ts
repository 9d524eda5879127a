/**
 * A transactional client in another process and language, for the scenario: a driver reads commands as lines of JSON and answers with
 * lines of JSON, in order; what its readers receive comes as lines between the answers. The process ends with the client.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { TransactionalClient, TransactionalProducer, TransactionReader } from './transaction-scenario.ts'

/** An error that the client of the driver reported. */
export class DriverError extends Error {
  /** The client's own name of the error. */
  readonly reported: string
  readonly fatal: boolean

  constructor(client: string, error: { name: string; fatal: boolean; message: string }) {
    super(`${client}: ${error.name}: ${error.message}`)
    this.reported = error.name
    this.fatal = error.fatal
  }
}

type Line = { id: number; error?: { name: string; fatal: boolean; message: string } } | { reader: string; values: string[] }

interface NamedReader extends TransactionReader {
  readonly name: string
}

const STOP_MS = 15_000
const LAST_OUTPUT_CHARACTERS = 8_192

export interface Driver {
  name: string
  command: string
  args: readonly string[]
  env?: Readonly<Record<string, string>>
  isFenced(error: DriverError): boolean
}

export async function openDrivenClient(driver: Driver): Promise<TransactionalClient> {
  const child = spawn(driver.command, driver.args, { stdio: 'pipe', env: { ...process.env, ...driver.env } })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  const waiting = new Map<number, { resolve(): void; reject(error: Error): void }>()
  const received = new Map<string, string[]>()
  let commands = 0
  let names = 0
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log = (log + chunk).slice(-LAST_OUTPUT_CHARACTERS)
  })
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line
    if ('reader' in line) {
      received.get(line.reader)?.push(...line.values)
      return
    }
    const command = waiting.get(line.id)
    waiting.delete(line.id)
    if (line.error) command?.reject(new DriverError(driver.name, line.error))
    else command?.resolve()
  })
  void ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`the driver of ${driver.name} has ended:\n${log}`))
    waiting.clear()
  })

  function run(op: string, name: string, more: object = {}): Promise<void> {
    const id = commands++
    return new Promise((resolve, reject) => {
      if (child.exitCode !== null) return reject(new Error(`the driver of ${driver.name} has ended:\n${log}`))
      waiting.set(id, { resolve, reject })
      child.stdin.write(`${JSON.stringify({ id, op, name, ...more })}\n`)
    })
  }

  return {
    async producer(transactionalId, timeoutMs) {
      const name = `producer-${names++}`
      await run('openProducer', name, { transactionalId, timeoutMs })
      const producer: TransactionalProducer = {
        begin: () => run('begin', name),
        send: (topic, partition, values) => run('send', name, { topic, partition, values }),
        sendOffsets: (reader) => run('sendOffsets', name, { reader: (reader as NamedReader).name }),
        commit: () => run('commit', name),
        abort: () => run('abort', name),
        close: () => run('closeProducer', name),
      }
      return producer
    },
    async reader(topic, isolation, group) {
      const name = `reader-${names++}`
      const values: string[] = []
      received.set(name, values)
      await run('openReader', name, { topic, isolation, group: group ?? null })
      const reader: NamedReader = { name, values, close: () => run('closeReader', name) }
      return reader
    },
    isFenced: (error) => error instanceof DriverError && driver.isFenced(error),
    async close() {
      child.stdin.end()
      const stuck = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await ended
      clearTimeout(stuck)
    },
  }
}
