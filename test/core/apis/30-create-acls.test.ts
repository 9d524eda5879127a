/**
 * Goal: CreateAcls, DescribeAcls and DeleteAcls change who may do what, at once and over restarts, and answer as Kafka. Method: a broker
 * with StandardAuthorizer; alice, a super user, and bob log in by PLAIN.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import saslHandshake from '../../../core/apis/17-sasl-handshake.ts'
import describeAcls from '../../../core/apis/29-describe-acls.ts'
import createAcls from '../../../core/apis/30-create-acls.ts'
import deleteAcls from '../../../core/apis/31-delete-acls.ts'
import saslAuthenticate from '../../../core/apis/36-sasl-authenticate.ts'
import { errorCode } from '../../../core/errors.ts'
import { startBroker } from '../../../core/index.ts'
import { patternTypes, permissionTypes } from '../../../core/security/acl/acl.ts'
import { type Action, aclOperations, resourceTypes } from '../../../core/security/authorizer.ts'
import { realSystem } from '../../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess, keepingLogger, type LogLine } from '../../broker-in-process.ts'
import type { RawClient } from '../../raw-client.ts'
import { plainUsers } from '../../secured-listeners.ts'

const secured = {
  listeners: 'SASL_PLAINTEXT://127.0.0.1:0',
  'sasl.enabled.mechanisms': 'PLAIN',
  'listener.name.sasl_plaintext.plain.sasl.jaas.config': plainUsers,
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:admin; User:alice',
}

const { LITERAL, PREFIXED, ANY, MATCH } = patternTypes
const { ALLOW, DENY } = permissionTypes
const { Read, Write, Describe, Any, Alter } = aclOperations

async function loggedIn(running: BrokerInProcess, user: string): Promise<RawClient> {
  const client = await running.client()
  await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })
  const authBytes = Buffer.from(`\0${user}\0${user}-secret`)
  expect(await client.send(saslAuthenticate, 2, { authBytes })).toMatchObject({ errorCode: 0 })
  return client
}

const topicAcl = (resourceName: string, given: object = {}) => ({
  resourceType: resourceTypes.Topic,
  resourceName,
  resourcePatternType: LITERAL as number,
  principal: 'User:bob',
  host: '*',
  operation: Read as number,
  permissionType: ALLOW as number,
  ...given,
})
interface Filter {
  resourceTypeFilter: number
  resourceNameFilter: string | null
  patternTypeFilter: number
  principalFilter: string | null
  hostFilter: string | null
  operation: number
  permissionType: number
}

const everything: Filter = {
  resourceTypeFilter: resourceTypes.Any,
  resourceNameFilter: null,
  patternTypeFilter: ANY,
  principalFilter: null,
  hostFilter: null,
  operation: Any,
  permissionType: permissionTypes.ANY,
}
const named = (resourceNameFilter: string, given: Partial<Filter> = {}): Filter => ({
  ...everything,
  resourceTypeFilter: resourceTypes.Topic,
  resourceNameFilter,
  patternTypeFilter: LITERAL,
  ...given,
})
const done = { errorCode: 0, errorMessage: '' }

describe('a broker with StandardAuthorizer', () => {
  let running: BrokerInProcess
  let alice: RawClient
  let bob: RawClient
  beforeAll(async () => {
    running = await brokerInProcess(secured)
    alice = await loggedIn(running, 'alice')
    bob = await loggedIn(running, 'bob')
  })
  afterAll(() => running.stop())

  const create = async (...creations: ReturnType<typeof topicAcl>[]) => (await alice.send(createAcls, 3, { creations })).results
  const remove = async (...filters: Filter[]) => (await alice.send(deleteAcls, 3, { filters })).filterResults
  const question = (resourceName: string, operation: Action['operation']): Action => ({
    operation,
    resourceType: 'Topic',
    resourceName,
    api: 'Fetch',
    resourceReferenceCount: 1,
    logIfAllowed: true,
    logIfDenied: true,
  })
  const bobMay = (operation: Action['operation'], topic: string) =>
    running.broker.authorizer!.authorize({ principal: 'User:bob', host: '/127.0.0.1' }, question(topic, operation))

  test('who is not allowed to may neither see nor change them', async () => {
    const denied = errorCode('CLUSTER_AUTHORIZATION_FAILED')
    expect(await bob.send(describeAcls, 3, everything)).toMatchObject({ errorCode: denied, resources: [] })
    expect(await bob.send(createAcls, 3, { creations: [topicAcl('a'), topicAcl('b')] })).toMatchObject({
      results: [{ errorCode: denied }, { errorCode: denied }],
    })
    expect(await bob.send(deleteAcls, 3, { filters: [everything] })).toMatchObject({
      filterResults: [{ errorCode: denied, matchingAcls: [] }],
    })
  })

  test('a created entry is in effect with the response, and a deleted one is not', async () => {
    expect(bobMay('Read', 'orders')).toBe(false)
    expect(await create(topicAcl('orders'))).toEqual([done])
    expect([bobMay('Read', 'orders'), bobMay('Describe', 'orders'), bobMay('Write', 'orders')]).toEqual([true, true, false])
    expect(await create(topicAcl('ord', { resourcePatternType: PREFIXED, permissionType: DENY }))).toEqual([done])
    expect(bobMay('Read', 'orders')).toBe(false)
    const [removed] = await remove(named('orders', { patternTypeFilter: MATCH, permissionType: DENY }))
    expect(removed).toMatchObject({ errorCode: 0, errorMessage: null, matchingAcls: [{ resourceName: 'ord', patternType: PREFIXED }] })
    expect(bobMay('Read', 'orders')).toBe(true)
  })

  test('DescribeAcls has the entries of a resource together, from every version', async () => {
    expect(await create(topicAcl('seen'), topicAcl('seen', { operation: Write }), topicAcl('seen', { principal: 'User:*' }))).toEqual([
      done,
      done,
      done,
    ])
    for (const version of [1, 2, 3]) {
      const { resources } = await alice.send(describeAcls, version, named('seen'))
      expect(resources).toEqual([
        {
          resourceType: resourceTypes.Topic,
          resourceName: 'seen',
          patternType: LITERAL,
          acls: expect.arrayContaining([
            { principal: 'User:bob', host: '*', operation: Read, permissionType: ALLOW },
            { principal: 'User:bob', host: '*', operation: Write, permissionType: ALLOW },
            { principal: 'User:*', host: '*', operation: Read, permissionType: ALLOW },
          ]),
        },
      ])
      expect(resources[0]!.acls).toHaveLength(3)
    }
  })

  test('an entry that exists, or is there twice, is created once', async () => {
    expect(await create(topicAcl('twice'), topicAcl('twice'))).toEqual([done, done])
    expect(await create(topicAcl('twice'))).toEqual([done])
    expect((await remove(named('twice')))[0]!.matchingAcls).toHaveLength(1)
    expect((await remove(named('twice')))[0]!.matchingAcls).toHaveLength(0)
  })

  test('what is invalid has its reason, and the others happen', async () => {
    const refused = (errorMessage: string) => ({ errorCode: errorCode('INVALID_REQUEST'), errorMessage })
    expect(
      await create(
        topicAcl(''),
        topicAcl('other-cluster', { resourceType: resourceTypes.Cluster }),
        topicAcl('x', { operation: Any }),
        topicAcl('x', { resourcePatternType: MATCH }),
        topicAcl('x', { resourceType: resourceTypes.Any }),
        topicAcl('x', { permissionType: permissionTypes.ANY }),
        topicAcl('x', { principal: 'bob' }),
        topicAcl('valid'),
      ),
    ).toEqual([
      refused('Invalid empty resource name'),
      refused('The only valid name for the CLUSTER resource is kafka-cluster'),
      refused('Invalid operation ANY'),
      refused('Invalid patternType MATCH'),
      refused('Invalid resourceType ANY'),
      refused('Invalid permissionType ANY'),
      refused('Could not parse principal from `bob` (no colon is present separating the principal type from the principal name)'),
      done,
    ])
    expect(bobMay('Read', 'valid')).toBe(true)
  })

  test('several filters delete an entry once, and each names it', async () => {
    await create(topicAcl('gone'), topicAcl('gone', { operation: Alter }))
    const [exact, all, none] = await remove(named('gone', { operation: Alter }), named('gone'), named('absent'))
    expect([exact!.matchingAcls.length, all!.matchingAcls.length, none!.matchingAcls.length]).toEqual([1, 2, 0])
    expect(bobMay('Describe', 'gone')).toBe(false)
  })

  test('entries are in effect after a restart', async () => {
    await create(topicAcl('kept', { operation: Describe }))
    await running.restart()
    expect([bobMay('Describe', 'kept'), bobMay('Read', 'kept'), bobMay('Read', 'orders')]).toEqual([true, false, true])
    alice = await loggedIn(running, 'alice')
  })

  test('the audit log has a line for what was denied', () => {
    running.lines.length = 0
    bobMay('Write', 'secret')
    expect(running.lines).toEqual([
      {
        level: 'info',
        details: {},
        message:
          'Principal = User:bob is Denied operation = WRITE from host = 127.0.0.1 on resource = Topic:LITERAL:secret ' +
          'for request = Fetch with resourceRefCount = 1 based on rule DefaultDeny',
      },
    ])
  })
})

test('without an authorizer there are no entries to see or to change', async () => {
  const running = await brokerInProcess()
  const client = await running.client()
  const disabled = errorCode('SECURITY_DISABLED')
  expect(await client.send(describeAcls, 3, everything)).toMatchObject({
    errorCode: disabled,
    errorMessage: 'No Authorizer is configured on the broker',
  })
  const result = { errorCode: disabled, errorMessage: 'No Authorizer is configured.' }
  expect((await client.send(createAcls, 3, { creations: [topicAcl('a')] })).results).toEqual([result])
  expect((await client.send(deleteAcls, 3, { filters: [everything] })).filterResults).toEqual([{ ...result, matchingAcls: [] }])
  await running.stop()
})

test('where the authorizer is taken away, the log says that the entries are not applied', async () => {
  const running = await brokerInProcess({ ...secured, listeners: 'PLAINTEXT://127.0.0.1:0', 'super.users': 'User:ANONYMOUS' })
  const client = await running.client()
  expect((await client.send(createAcls, 3, { creations: [topicAcl('a')] })).results).toEqual([done])
  expect(running.lines.filter(({ level }) => level === 'warn')).toEqual([])
  await running.broker.close()
  const lines: LogLine[] = []
  const system = { ...realSystem('silent'), logger: keepingLogger(lines) }
  const open = await startBroker({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': running.dir }, system)
  expect(lines).toContainEqual({
    level: 'warn',
    details: { entries: 1 },
    message: 'the access control lists of the cluster are not applied: set authorizer.class.name, or everyone may do everything',
  })
  await open.close()
  await running.restart()
  await running.stop()
})
