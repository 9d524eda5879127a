/**
 * Workers inside the test's own process, on a broker in the same process. Each worker serves the REST requests that followers send to
 * their leader, so that workers of one group can share connectors without the REST server.
 */
import { createServer, type Server } from 'node:http'
import { ConnectError, startWorker, type Worker } from '../connect/index.ts'
import type { Connector } from '../connect/sdk/index.ts'
import { type Client, createClient } from '../core/client/index.ts'
import { realSystem, type System } from '../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from './broker-in-process.ts'

export interface WorkersInProcess {
  readonly broker: BrokerInProcess
  readonly client: Client
  /** That of the workers. */
  readonly system: System
  /** Settings of a Connect cluster of its own: no other cluster of this broker has its group or its internal topics. */
  settings(more?: Readonly<Record<string, string>>): Record<string, string>
  /** Starts a worker with these settings, or with those of a new cluster; `connectors` are its plugins beside those in connectors/. */
  start(options?: { settings?: Readonly<Record<string, string>>; connectors?: readonly Connector[] }): Promise<Worker>
  /** Closes one worker; the others of its group rebalance. */
  close(worker: Worker): Promise<void>
  closeAll(): Promise<void>
  /** Closes the workers, the client and the broker. */
  stop(): Promise<void>
}

/** A server for what a follower asks of the leader: `POST /connectors/{name}/tasks` and `PUT /connectors/{name}/fence`. */
async function serveFollowers(worker: () => Worker): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', async () => {
      const body = Buffer.concat(chunks)
      const header = (name: string) => (request.headers[name] as string | undefined) ?? null
      const signature = { key: header('x-connect-authorization'), algorithm: header('x-connect-request-signature-algorithm'), body }
      try {
        const [, , name, what] = request.url!.split('/').map(decodeURIComponent)
        if (what === 'fence') await worker().fenceZombies(name!, signature)
        else await worker().putTaskConfigs(name!, JSON.parse(body.toString()), signature)
        response.writeHead(204).end()
      } catch (error) {
        response.writeHead(error instanceof ConnectError ? error.status : 409).end(String(error))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return { server, url: `http://127.0.0.1:${port}` }
}

export async function workersInProcess(brokerProperties: Readonly<Record<string, string>> = {}): Promise<WorkersInProcess> {
  const system = realSystem('silent')
  const broker = await brokerInProcess(brokerProperties)
  const bootstrapServers = `127.0.0.1:${broker.port}`
  const client = createClient({ bootstrapServers, clientId: 'test' }, system)
  const running = new Map<Worker, Server>()
  let clusters = 0

  function settings(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const group = `group-${clusters++}`
    return {
      'bootstrap.servers': bootstrapServers,
      'group.id': group,
      'config.storage.topic': `${group}-configs`,
      'offset.storage.topic': `${group}-offsets`,
      'status.storage.topic': `${group}-status`,
      'config.storage.replication.factor': '1',
      'offset.storage.replication.factor': '1',
      'status.storage.replication.factor': '1',
      'offset.storage.partitions': '1',
      ...more,
    }
  }

  async function start(options: { settings?: Readonly<Record<string, string>>; connectors?: readonly Connector[] } = {}): Promise<Worker> {
    let worker: Worker | undefined
    const { server, url } = await serveFollowers(() => worker!)
    try {
      worker = await startWorker(options.settings ?? settings(), system, { advertisedUrl: url, connectors: options.connectors ?? [] })
    } catch (error) {
      server.close()
      throw error
    }
    running.set(worker, server)
    return worker
  }

  async function close(worker: Worker): Promise<void> {
    const server = running.get(worker)
    running.delete(worker)
    await Promise.all([worker.close(), server && new Promise((resolve) => server.close(resolve))])
  }

  const closeAll = async () => void (await Promise.all([...running.keys()].map(close)))
  return {
    broker,
    client,
    system,
    settings,
    start,
    close,
    closeAll,
    async stop() {
      await closeAll()
      await client.close()
      await broker.stop()
    },
  }
}
