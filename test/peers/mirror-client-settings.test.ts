/**
 * Goal: a client of the mirror has the brokers and the security that MirrorMaker 2 gives it. Method: files with settings at random levels,
 * read by MirrorMaker 2's own classes and by ours. What is ours alone: the producer of records is also that of offset syncs, so a file has
 * either the prefixes of the one or those of the other.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { clientKinds, isSecuritySetting } from '../../mirror/settings/client-settings.ts'
import { parseMirrorSettings } from '../../mirror/settings/mm2-properties.ts'
import { writeProperties } from '../properties-file.ts'
import { seededRandom } from '../random.ts'
import { javaProgram } from './java-program.ts'
import { kafkaClassPath } from './maven-jars.ts'
import { temporaryFolder } from './workers.ts'

const FILES = 24
const READ_MS = 240_000
const folder = temporaryFolder()
const program = await javaProgram('mirror-client-configs', kafkaClassPath())

const names = ['bootstrap.servers', 'security.protocol', 'sasl.jaas.config', 'ssl.truststore.location', 'ssl.key.password']
const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']
const kinds = clientKinds.map((kind) => `${kind}.`)
const ofFlow = ['', ...kinds, ...['source', 'target'].flatMap((side) => ['cluster.', ...kinds].map((kind) => `${side}.${kind}`))]
const ofOffsetSyncs = ['us->central.producer.', 'us->central.target.producer.', 'us->central.target.cluster.']
const ofRecords = 'us->central.producer.override.'
const prefixes = [
  ...['', 'us.', 'central.'].flatMap((cluster) => ['', ...kinds].map((kind) => cluster + kind)),
  ...['us->central.', 'central->us.'].flatMap((flow) => ofFlow.map((kind) => flow + kind)),
  ofRecords,
]

test(
  'the clients of files with settings at random levels',
  async () => {
    const random = seededRandom()
    let values = 0
    const newValue = (name: string) => {
      values++
      if (name === 'security.protocol') return protocols[Math.floor(random() * protocols.length)]!
      return name === 'bootstrap.servers' ? `host${values}:9092` : `value-${values}`
    }
    const files = new Map<string, Record<string, string>>()
    for (let index = 0; index < FILES; index++) {
      const withOverrides = random() < 0.5
      // Otherwise Kafka searches all libraries for plugins, which takes ten seconds for each file.
      const raw: Record<string, string> = { clusters: 'us,central', 'us->central.enabled': 'true', 'plugin.discovery': 'service_load' }
      for (const prefix of prefixes) {
        if (withOverrides ? ofOffsetSyncs.includes(prefix) : prefix === ofRecords) continue
        for (const name of names) if (random() < 0.2) raw[prefix + name] = newValue(name)
      }
      for (const alias of ['us', 'central']) raw[`${alias}.bootstrap.servers`] ??= `${alias}:9092`
      files.set(writeProperties(join(folder, `mm2-${index}.properties`), raw), raw)
    }
    const { stdout } = await promisify(execFile)(program.command, program.args(...files.keys()), {
      maxBuffer: 64 * 1024 * 1024,
      timeout: READ_MS,
    })
    const theirs = new Map<string, string[]>()
    for (const line of stdout.split('\n')) {
      const [file, side, kind, setting] = line.split(' ')
      const name = setting?.slice(0, setting.indexOf('='))
      if (!name || !(isSecuritySetting(name) || name === 'bootstrap.servers')) continue
      const client = `${file} ${side} ${kind}`
      theirs.set(client, [...(theirs.get(client) ?? []), setting!])
    }
    for (const [file, raw] of files) {
      const [flow] = parseMirrorSettings(raw).flows
      for (const side of ['source', 'target'] as const)
        for (const kind of clientKinds) {
          const client = flow![side].clients[kind]
          const ours = Object.entries({ ...client.security(), 'bootstrap.servers': client.bootstrapServers.join() }).map(
            ([name, value]) => `${name}=${value}`,
          )
          const isOfRecords = side === 'target' && kind === 'producer' && Object.keys(raw).some((name) => name.startsWith(ofRecords))
          expect(ours.sort(), `${side} ${kind} of ${JSON.stringify(raw, null, 1)}`).toEqual(
            theirs.get(`${file} ${side} ${isOfRecords ? 'records' : kind}`),
          )
        }
    }
  },
  READ_MS,
)
