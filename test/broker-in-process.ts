/**
 * A broker inside the test's own process, on a free port, with its data in a temporary folder and its log lines collected. `restart` stops
 * it cleanly and starts it again on the same data.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningBroker, startBroker } from '../core/index.ts'
import { realSystem, type System } from '../core/system/index.ts'
import type { Logger } from '../core/system/logger.ts'
import { type RawClient, rawClient } from './raw-client.ts'

export interface LogLine {
  level: 'error' | 'warn' | 'info' | 'debug'
  message: string
  details: object
}

export interface BrokerInProcess {
  readonly broker: RunningBroker
  readonly port: number
  readonly dir: string
  readonly lines: LogLine[]
  client(): Promise<RawClient>
  restart(): Promise<void>
  stop(): Promise<void>
}

export function keepingLogger(lines: LogLine[]): Logger {
  const line = (level: LogLine['level']) => (details: object, message: string) => void lines.push({ level, message, details })
  const logger: Logger = { error: line('error'), warn: line('warn'), info: line('info'), debug: line('debug'), child: () => logger }
  return logger
}

/** `parts` of the system replace the real ones; `javaProperties` are Java's system properties, as in KAFKA_OPTS. */
export async function brokerInProcess(
  properties: Readonly<Record<string, string>> = {},
  parts: Partial<System> = {},
  javaProperties: Readonly<Record<string, string>> = {},
): Promise<BrokerInProcess> {
  const dir = mkdtempSync(join(tmpdir(), 'tributary-'))
  const lines: LogLine[] = []
  const clients: RawClient[] = []
  const start = () =>
    startBroker(
      {
        listeners: 'PLAINTEXT://127.0.0.1:0',
        'log.dirs': dir,
        'offsets.topic.num.partitions': '2',
        'group.initial.rebalance.delay.ms': '0',
        ...properties,
      },
      { ...realSystem('silent'), logger: keepingLogger(lines), ...parts },
      undefined,
      javaProperties,
    )
  let broker = await start()
  return {
    get broker() {
      return broker
    },
    get port() {
      return broker.addresses[0]!.port
    },
    dir,
    lines,
    async client() {
      const client = await rawClient(broker.addresses[0]!.port)
      clients.push(client)
      return client
    },
    async restart() {
      await broker.close()
      broker = await start()
    },
    async stop() {
      for (const client of clients) client.close()
      await broker.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
