/**
 * What does TLS 1.3 cost? Produce of 64 KiB batches and fetch of 1 MiB as the benches of the same names, over TLS and, beside them,
 * without; then full handshakes, sixteen at a time, each with one ApiVersions request. Compared with Apache Kafka: same certificate, same
 * load, whose own cost is a Node process on the same machine.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import apiVersions from '../core/apis/18-api-versions.ts'
import { selfSigned } from '../test/certificates.ts'
import { freePort } from '../test/running-broker.ts'
import { until } from '../test/until.ts'
import { batchOf } from './batches.ts'
import { consumeFrom } from './consume.ts'
import { type Comparison, type Side, startContender, turnAbout } from './contenders.ts'
import { createTopic, produceTo } from './produce.ts'
import { RawConnection } from './raw-connection.ts'
import { show, usage } from './table.ts'

const WARM_UP_BYTES = 300 * 2 ** 20
const PRODUCED_BYTES = 800 * 2 ** 20
const FETCHED_BYTES = 2_000 * 2 ** 20
const BATCH_BYTES = 65_536
const FETCH_BYTES = 2 ** 20
const HANDSHAKES = 1_500
const CLIENTS = 16

const succeeded = () => true
const failed = () => false
const folder = mkdtempSync(join(tmpdir(), 'bench-tls-'))

/** Settings of a broker with the listener SSL on `port`, and the options of its clients. */
function tlsSettings(port: number) {
  const authority = selfSigned({ subject: 'Bench Authority' })
  const { key, certificate } = authority.issue({ subject: 'broker', names: ['127.0.0.1'] })
  const keystore = join(folder, `broker-${port}.pem`)
  writeFileSync(keystore, key + certificate)
  const client: ConnectionOptions = { ca: authority.certificate, minVersion: 'TLSv1.3', session: undefined }
  const settings = (plain: number) => ({
    listeners: `PLAINTEXT://127.0.0.1:${plain},SSL://127.0.0.1:${port},CONTROLLER://127.0.0.1:${plain + 1}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${plain},SSL://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keystore,
    'ssl.enabled.protocols': 'TLSv1.3',
  })
  return { client, settings }
}

/** New connections, one after the other for each client; resolves with the number per second. */
async function handshakes(address: string, tls: ConnectionOptions, count: number): Promise<number> {
  let left = count
  const start = performance.now()
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (left-- > 0) {
        const connection = await RawConnection.open(address, tls)
        await connection.request(apiVersions, 3, { clientSoftwareName: 'bench', clientSoftwareVersion: '1' })
        connection.close()
      }
    }),
  )
  return count / ((performance.now() - start) / 1000)
}

async function measure(side: Side, comparison: Comparison): Promise<void> {
  const port = await freePort()
  const { client, settings } = tlsSettings(port)
  const broker = await startContender(side, settings)
  const secured = `127.0.0.1:${port}`
  const { batch } = batchOf(BATCH_BYTES, 1024)
  try {
    for (const [way, address, tls] of [
      ['PLAINTEXT', broker.address, undefined],
      ['TLS', secured, client],
    ] as const) {
      const cpuPerGb = async (figure: string, bytes: number, run: () => Promise<number>) => {
        const before = usage(broker.pid).cpuS
        comparison.add(side, `${way}: ${figure}, MB/s`, await run())
        comparison.add(side, `${way}: ${figure}, CPU s/GB`, ((usage(broker.pid).cpuS - before) / bytes) * 2 ** 30)
      }
      await createTopic(broker.address, way)
      // Kafka answers CreateTopics before the leader of each partition takes records.
      await until(() => produceTo(address, way, batch, 6 * batch.length, tls).then(succeeded, failed), `${side}: ${way} has leaders`)
      await produceTo(address, way, batch, WARM_UP_BYTES, tls)
      await cpuPerGb('produce 64 KiB', PRODUCED_BYTES, async () => {
        const { seconds } = await produceTo(address, way, batch, PRODUCED_BYTES, tls)
        return PRODUCED_BYTES / 2 ** 20 / seconds
      })
      await consumeFrom(address, way, FETCH_BYTES, WARM_UP_BYTES, tls)
      await cpuPerGb('fetch 1 MiB', FETCHED_BYTES, async () => {
        const { seconds, bytes } = await consumeFrom(address, way, FETCH_BYTES, FETCHED_BYTES, tls)
        return bytes / 2 ** 20 / seconds
      })
    }
    await handshakes(secured, client, HANDSHAKES / 3)
    const before = usage(broker.pid).cpuS
    comparison.add(side, 'handshakes/s', await handshakes(secured, client, HANDSHAKES))
    comparison.add(side, 'handshakes, CPU ms for each', ((usage(broker.pid).cpuS - before) / HANDSHAKES) * 1000)
    comparison.add(side, 'memory at its highest, MB', usage(broker.pid).peakMb)
  } finally {
    await broker.stop()
  }
}

async function main(): Promise<void> {
  try {
    show('What does TLS 1.3 cost?', await turnAbout(measure))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) await main()
