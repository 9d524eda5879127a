/**
 * Goal: the client lists and creates access control list entries, many of them, each with its outcome; a refusal says what to grant.
 * Method: our broker with an authorizer, as a super user and as a user without permissions; and one without an authorizer.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Acl, aclKey, aclOperations, createClient, patternTypes, permissionTypes, resourceTypes } from '../../../core/client/index.ts'
import { clientLimits } from '../../../core/client/limits.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { quietSystem } from '../../mirror/clusters.ts'

const authorizer = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'
let secured: BrokerInProcess
let permitted: ReturnType<typeof createClient>
beforeAll(async () => {
  secured = await brokerInProcess({ 'authorizer.class.name': authorizer, 'super.users': 'User:ANONYMOUS' })
  permitted = clientOf(secured)
})
afterAll(async () => {
  await permitted?.close()
  await secured?.stop()
})

const clientOf = ({ port }: BrokerInProcess) => createClient({ bootstrapServers: `127.0.0.1:${port}`, clientId: 'test' }, quietSystem())

/** What a client gets from a broker of its own. */
async function fromBroker<T>(properties: Readonly<Record<string, string>>, ask: (client: ReturnType<typeof clientOf>) => Promise<T>) {
  const broker = await brokerInProcess(properties)
  const client = clientOf(broker)
  try {
    return await ask(client)
  } finally {
    await client.close()
    await broker.stop()
  }
}

const acl = (resourceName: string, more: Partial<Acl> = {}): Acl => ({
  ...{ resourceType: resourceTypes.Topic, resourceName, patternType: patternTypes.LITERAL },
  ...{ principal: 'User:alice', host: '*', operation: aclOperations.Read, permissionType: permissionTypes.ALLOW },
  ...more,
})
const everything = {
  ...{ resourceType: resourceTypes.Any, resourceName: null, patternType: patternTypes.ANY },
  ...{ principal: null, host: null, operation: aclOperations.Any, permissionType: permissionTypes.ANY },
}
const keys = (acls: readonly Acl[]) => acls.map(aclKey).sort()

test('more entries than one request may have, and what a broker would refuse among them', async () => {
  const many = Array.from({ length: clientLimits.aclsPerRequest + 10 }, (_, i) => acl(`topic-${i}`))
  const invalid = [
    acl('unknown', { operation: 99 }),
    acl('any', { permissionType: permissionTypes.ANY }),
    acl('principal', { principal: 'alice' }),
  ]
  const group = acl('group', {
    resourceType: resourceTypes.Group,
    patternType: patternTypes.PREFIXED,
    permissionType: permissionTypes.DENY,
  })
  const outcomes = await permitted.admin.createAcls([invalid[0]!, ...many, ...invalid.slice(1), group, group])
  expect(outcomes.flatMap((error) => (error ? [error.message] : []))).toEqual([
    'Invalid operation UNKNOWN',
    'Invalid permissionType ANY',
    expect.stringContaining('Could not parse principal from `alice`'),
  ])
  expect([outcomes[0], outcomes.at(-1)]).toEqual([expect.objectContaining({ error: 'INVALID_REQUEST' }), null])
  expect(keys(await permitted.admin.describeAcls(everything))).toEqual(keys([...many, group]))
  expect(await permitted.admin.describeAcls({ ...everything, patternType: patternTypes.PREFIXED })).toEqual([group])
  expect(await permitted.admin.describeAcls({ ...everything, resourceName: 'none' })).toEqual([])
})

test('without an authorizer there are none', async () => {
  await fromBroker({}, async ({ admin }) => {
    await expect(admin.describeAcls(everything)).rejects.toMatchObject({ error: 'SECURITY_DISABLED' })
    expect(await admin.createAcls([acl('orders')])).toEqual([expect.objectContaining({ error: 'SECURITY_DISABLED' })])
    expect(await admin.createAcls([])).toEqual([])
  })
})

test('a user without permissions is told what to grant', async () => {
  const properties = { 'authorizer.class.name': authorizer, 'super.users': 'User:root' }
  await fromBroker(properties, async ({ admin }) => {
    const refused = (request: string, operation: string) => ({
      error: 'CLUSTER_AUTHORIZATION_FAILED',
      message: `${request}: CLUSTER_AUTHORIZATION_FAILED: grant ${operation} on the cluster to the user of this client, for example with kafka-acls`,
    })
    await expect(admin.describeAcls(everything)).rejects.toMatchObject(refused('DescribeAcls', 'DESCRIBE'))
    expect(await admin.createAcls([acl('orders')])).toEqual([expect.objectContaining(refused('CreateAcls', 'ALTER'))])
  })
})
