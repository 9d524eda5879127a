/**
 * What do access control lists cost? Two brokers of ours run side by side, one with StandardAuthorizer and a thousand ACLs of other topics
 * and users beside those of the client; the same load of 1 KiB batches goes to one and to the other, turn about, so that a noisy machine is
 * noisy for both. What counts is the ratio of the medians.
 */
import createAcls from '../core/apis/30-create-acls.ts'
import { startTestBroker, type TestBroker } from '../test/running-broker.ts'
import { batchOf } from './batches.ts'
import { flag } from './contenders.ts'
import { createTopic, produceTo } from './produce.ts'
import { RawConnection } from './raw-connection.ts'
import { quantile, show, usage } from './table.ts'

const ROUNDS = 15
const ROUND_BYTES = 24 * 2 ** 20
const OTHER_ACLS = 1_000
const TOPIC = 'produced'
const CREATE_ACLS_VERSION = 3
const [TOPIC_TYPE, LITERAL, PREFIXED, WRITE, CREATE, ALLOW] = [2, 3, 4, 4, 5, 3]

async function allow(address: string): Promise<void> {
  const acl = (resourceName: string, principal: string, resourcePatternType: number, operation: number) => ({
    ...{ resourceType: TOPIC_TYPE, resourceName, resourcePatternType, principal, host: '*', operation, permissionType: ALLOW },
  })
  const creations = [
    ...Array.from({ length: OTHER_ACLS }, (_, n) => acl(`other-${n}`, `User:u${n % 50}`, n % 2 === 0 ? LITERAL : PREFIXED, WRITE)),
    acl(TOPIC, 'User:ANONYMOUS', LITERAL, WRITE),
    acl(TOPIC, 'User:ANONYMOUS', LITERAL, CREATE),
  ]
  const connection = await RawConnection.open(address)
  const { results } = await connection.request(createAcls, CREATE_ACLS_VERSION, { creations })
  connection.close()
  const failed = results.find(({ errorCode }) => errorCode !== 0)
  if (failed) throw new Error(`an ACL could not be created: error ${failed.errorCode}`)
}

/** What has no ACL is allowed: so the client may create ACLs. What it produces is allowed by one of them. */
async function startAuthorizing(): Promise<TestBroker> {
  const broker = await startTestBroker({
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': true,
  })
  await allow(broker.address)
  return broker
}

async function main(): Promise<void> {
  const brokers = { without: await startTestBroker(), with: await startAuthorizing() }
  const { batch } = batchOf(1024, 1024)
  const figures = { without: { rate: [] as number[], cpu: [] as number[] }, with: { rate: [] as number[], cpu: [] as number[] } }
  try {
    for (const { address } of Object.values(brokers)) {
      await createTopic(address, TOPIC)
      await produceTo(address, TOPIC, batch, ROUND_BYTES)
    }
    for (let round = 0; round < Number(flag('rounds') ?? ROUNDS); round++)
      for (const side of round % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const)) {
        const { address, pid } = brokers[side]
        const before = usage(pid).cpuS
        const { seconds } = await produceTo(address, TOPIC, batch, ROUND_BYTES)
        figures[side].rate.push(ROUND_BYTES / 2 ** 20 / seconds)
        figures[side].cpu.push(((usage(pid).cpuS - before) / ROUND_BYTES) * 2 ** 30)
      }
    const row = (figure: string, of: 'rate' | 'cpu') => {
      const [without, withAcls] = [quantile(figures.without[of], 0.5), quantile(figures.with[of], 0.5)]
      return { figure, 'without authorizer': without, 'with ACLs': withAcls, 'with / without': withAcls / without }
    }
    show('What do ACLs cost a producer of 1 KiB batches?', [row('MB/s', 'rate'), row('CPU s/GB', 'cpu')])
  } finally {
    await Promise.all(Object.values(brokers).map((broker) => broker.stop()))
  }
}

if (import.meta.main) await main()
