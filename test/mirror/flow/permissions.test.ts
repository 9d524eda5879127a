/**
 * Story of mirror/flow. Goal: the mirror is denied nothing that it asks for with these permissions, and uses each of them.
 * Method: it does all that it can between two of our brokers with authorizers; the audit logs tell what was denied, and by which entry each
 * request was allowed.
 */
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Acl } from '../../../core/client/index.ts'
import { operationName } from '../../../core/security/acl/acl.ts'
import { brokerInProcess, type LogLine } from '../../broker-in-process.ts'
import { PLAIN_LOGIN_MODULE } from '../../secured-listeners.ts'
import { connectTo } from '../clusters.ts'
import { aclsOf, type GuardedCluster, MIRROR_PASSWORD, tellEverything } from '../permitted-mirror.ts'

vi.setConfig({ testTimeout: 180_000 })

async function guarded(): Promise<GuardedCluster & { lines: LogLine[] }> {
  const running = await brokerInProcess({
    listeners: 'PLAINTEXT://127.0.0.1:0,USERS://127.0.0.1:0',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,USERS:SASL_PLAINTEXT',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
    'listener.name.users.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.users.plain.sasl.jaas.config': `${PLAIN_LOGIN_MODULE} required user_mirror="${MIRROR_PASSWORD}";`,
  })
  onTestFinished(() => running.stop())
  const [plain, users] = running.broker.addresses.map(({ port }) => `127.0.0.1:${port}`)
  return { ...connectTo(plain!), users: users!, lines: running.lines }
}

test('a mirror with its permissions is denied nothing', async () => {
  const [us, central] = [await guarded(), await guarded()]
  await tellEverything(us, central)
  for (const [side, { lines }] of [
    ['source', us],
    ['target', central],
  ] as const) {
    // biome-ignore format: one line
    const ofMirror = lines.map(({ message }) => message).filter((message) => message.startsWith('Principal = User:mirror is '))
    expect(
      ofMirror.filter((message) => message.includes(' is Denied ')),
      side,
    ).toEqual([])
    const isUsed = ({ resourceName, operation }: Acl) =>
      ofMirror.some(
        (message) => message.includes(`:LITERAL:${resourceName} `) && message.includes(`operation=${operationName(operation)}, `),
      )
    expect(
      aclsOf(side, 'User:mirror').filter((acl) => !isUsed(acl)),
      side,
    ).toEqual([])
  }
})
