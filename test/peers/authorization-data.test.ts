/**
 * Goal: under the same access control lists our broker gives a client what Apache Kafka gives it, and hides what Kafka hides, in every
 * version of the APIs of producers, consumers, groups and transactions. Method: the same requests to both as the same users of PLAIN, a
 * user for each set of entries; whole responses are compared, without ids and addresses.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import saslHandshake from '../../core/apis/17-sasl-handshake.ts'
import apiVersions from '../../core/apis/18-api-versions.ts'
import describeAcls from '../../core/apis/29-describe-acls.ts'
import createAcls from '../../core/apis/30-create-acls.ts'
import saslAuthenticate from '../../core/apis/36-sasl-authenticate.ts'
import { type ErrorName, errorCode } from '../../core/errors.ts'
import { patternTypes, permissionTypes } from '../../core/security/acl/acl.ts'
import { aclOperations, CLUSTER_NAME, resourceTypes } from '../../core/security/authorizer.ts'
import {
  type AuthorizedRequest,
  authorizedRequests,
  type Cluster,
  type Need,
  prepareCluster,
  versionsOf,
} from '../authorized-requests/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { encodeRequest, type RawClient, rawClient } from '../raw-client.ts'
import { freePort } from '../running-broker.ts'
import { PLAIN_LOGIN_MODULE } from '../secured-listeners.ts'
import { until } from '../until.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

interface Entry {
  readonly need: Need
  /** Instead of that of the need. */
  readonly operation?: keyof typeof aclOperations
  readonly permission: 'ALLOW' | 'DENY'
  /** The pattern: the name itself, all but its last letter as a prefix, or every name. */
  readonly pattern: 'literal' | 'prefixed' | 'wildcard'
}

/** A set of entries of one user. */
interface AclCase {
  readonly name: string
  readonly user: string
  readonly entries: readonly Entry[]
}

const allow = (need: Need, pattern: Entry['pattern'] = 'literal'): Entry => ({ need, permission: 'ALLOW', pattern })
const deny = (need: Need, pattern: Entry['pattern'] = 'literal'): Entry => ({ need, permission: 'DENY', pattern })
const describeOf = ([requirement, resource]: Need) => `${requirement} ${resource}`

/** Read is an operation of topics and groups. */
const hasRead = ([requirement]: Need) => / (Topic|Group)$/.test(requirement)

function casesOf({ needs, name }: AuthorizedRequest): AclCase[] {
  const all = needs.map((need) => allow(need))
  const sets = new Map<string, Entry[]>([
    ['nothing', []],
    ['everything', all],
    ['everything by prefix', needs.map((need) => allow(need, 'prefixed'))],
    ['everything by wildcard', needs.map((need) => allow(need, 'wildcard'))],
    ['all operations', needs.map((need) => ({ ...allow(need), operation: 'All' }))],
    ['Read, which implies Describe', needs.filter(hasRead).map((need) => ({ ...allow(need), operation: 'Read' }))],
    [
      'all operations, and Describe denied',
      needs.flatMap((need) => [
        { ...allow(need), operation: 'All' },
        { ...deny(need), operation: 'Describe' },
      ]),
    ],
    ['everything, and all denied', [...all, ...needs.map((need) => deny(need))]],
  ])
  for (const need of needs) {
    const what = describeOf(need)
    sets.set(`only ${what}`, [allow(need)])
    sets.set(
      `all but ${what}`,
      needs.filter((other) => other !== need).map((other) => allow(other)),
    )
    sets.set(`${what} denied`, [...all, deny(need)])
    sets.set(`${what} denied by prefix`, [...needs.map((other) => allow(other, 'wildcard')), deny(need, 'prefixed')])
  }
  const index = authorizedRequests.findIndex((request) => request.name === name)
  return Array.from(sets, ([title, entries], number) => ({ name: title, user: `u${index}x${number}`, entries }))
}

const cases = new Map(authorizedRequests.map((request) => [request, casesOf(request)]))
const users = [...cases.values()].flat()

function creationOf(user: string, { need: [requirement, resource], operation, permission, pattern }: Entry) {
  const [needed, type] = requirement.split(' ') as [keyof typeof aclOperations, keyof typeof resourceTypes]
  const name = resource.replace('<unique>', user)
  const named = resource === CLUSTER_NAME || resource === '*' ? 'literal' : pattern
  return {
    resourceType: resourceTypes[type],
    resourceName: { literal: name, prefixed: name.slice(0, -1), wildcard: '*' }[named],
    resourcePatternType: named === 'prefixed' ? patternTypes.PREFIXED : patternTypes.LITERAL,
    principal: `User:${user}`,
    host: '*',
    operation: aclOperations[operation ?? needed],
    permissionType: permissionTypes[permission],
  }
}

/** A broker with the users and their entries, and the cluster that the requests ask about. */
class Peer {
  readonly #port: number
  cluster!: Cluster

  constructor(port: number) {
    this.#port = port
  }

  async prepare(admin: RawClient): Promise<void> {
    this.cluster = await prepareCluster(admin)
    const creations = users.flatMap(({ user, entries }) => entries.map((entry) => creationOf(user, entry)))
    const last = creationOf('last', allow(['Read Topic', 'none', '']))
    creations.push(last)
    for (let next = 0; next < creations.length; next += 500) {
      const { results } = await admin.send(createAcls, 3, { creations: creations.slice(next, next + 500) })
      expect(results.filter((result) => result.errorCode !== 0)).toEqual([])
    }
    const filter = {
      ...{ resourceTypeFilter: resourceTypes.Any, resourceNameFilter: null, patternTypeFilter: patternTypes.ANY },
      ...{ principalFilter: last.principal, hostFilter: null, operation: aclOperations.Any, permissionType: permissionTypes.ANY },
    }
    await until(async () => (await admin.send(describeAcls, 3, filter)).resources.length > 0, 'the entries hold')
  }

  async as(user: string): Promise<RawClient> {
    const client = await rawClient(this.#port)
    await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })
    const { errorCode: code } = await client.send(saslAuthenticate, 2, { authBytes: Buffer.from(`\0${user}\0secret`) })
    if (code !== 0) throw new Error(`${user} cannot log in`)
    return client
  }

  /** What the user sees in each version of the request. */
  async answers(request: AuthorizedRequest, user: string): Promise<Record<string, unknown>> {
    const answers: Record<string, unknown> = {}
    for (const version of versionsOf(request)) answers[`v${version}`] = await this.#answer(request, version, user)
    return answers
  }

  async #answer(request: AuthorizedRequest, version: number, user: string): Promise<unknown> {
    const client = await this.as(user)
    try {
      const body = request.request(this.cluster, version, user)
      if (request.noResponse) {
        client.write(encodeRequest(request.api, version, 0, body))
        return await client.send(apiVersions, 3, {}).then(
          () => 'open',
          () => 'closed',
        )
      }
      return await until(async () => {
        const response = await client.send(request.api, version, body as never)
        return !isPassing(response, request.passing) && this.#normalized(response)
      }, `${request.name} v${version} of ${user} has an answer that stays`)
    } finally {
      client.close()
    }
  }

  /** Without what is not the same on two clusters; lists in one order, as most have none in Kafka. */
  #normalized(value: unknown, key = ''): unknown {
    if (Buffer.isBuffer(value)) return `${value.length} bytes`
    if (Array.isArray(value)) {
      const items = value.map((item) => this.#normalized(item, key))
      return typeof items[0] === 'object' ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items
    }
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(
        Object.entries(value)
          // Kafka explains no invalid request.
          .filter(([name]) => !(name === 'errorMessage' && 'errorCode' in value && value.errorCode === errorCode('INVALID_REQUEST')))
          .map(([name, each]) => [name, this.#normalized(each, name)]),
      )
    if (typeof value === 'number' && ofOneCluster.has(key)) return value < 0 ? value : key
    if (typeof value === 'string' && key === 'topicId') return this.#nameOf(value)
    if (typeof value === 'string' && (key === 'clusterId' || key === 'host')) return value === '' ? '' : key
    return value
  }

  #nameOf(topicId: string): string {
    for (const [name, id] of this.cluster.topicIds) if (id === topicId) return `id of ${name}`
    return /^A{21}/.test(topicId) ? topicId : 'id of another topic'
  }
}

/** Numbers that are not the same on two clusters. */
const ofOneCluster: ReadonlySet<string> = new Set([
  ...['port', 'producerId', 'baseOffset', 'highWatermark', 'lastStableOffset', 'offset', 'endOffset', 'lowWatermark'],
  ...['lastTimestamp', 'currentTxnStartOffset', 'transactionStartTimeMs', 'logAppendTimeMs', 'throttleTimeMs'],
])

/** Errors that clients wait for the end of. */
const passing = ['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR', 'CONCURRENT_TRANSACTIONS'] as const

function isPassing(response: unknown, more: readonly ErrorName[] = []): boolean {
  if (response === null || typeof response !== 'object' || Buffer.isBuffer(response)) return false
  const codes = [...passing, ...more].map(errorCode)
  return Object.entries(response).some(([key, value]) => (/errorCode$/i.test(key) ? codes.includes(value) : isPassing(value, more)))
}

let kafka: KafkaBroker
let ours: BrokerInProcess
let peers: Peer[] = []
beforeAll(async () => {
  const saslPort = await freePort()
  const secured = {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT',
    'listener.name.sasl.plain.sasl.jaas.config': `${PLAIN_LOGIN_MODULE} required ${users.map(({ user }) => `user_${user}="secret"`).join(' ')};`,
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.num.partitions': 5,
  }
  kafka = await startApacheKafka((port) => ({
    ...secured,
    listeners: `PLAINTEXT://127.0.0.1:${port},SASL://127.0.0.1:${saslPort},CONTROLLER://127.0.0.1:${port + 1}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SASL://127.0.0.1:${saslPort}`,
  }))
  const properties = Object.fromEntries(Object.entries(secured).map(([name, value]) => [name, `${value}`]))
  ours = await brokerInProcess({ ...properties, listeners: 'PLAINTEXT://127.0.0.1:0,SASL://127.0.0.1:0', 'node.id': '1' })
  const admins = [await ours.client(), await rawClient(kafka.port)]
  peers = [new Peer(ours.broker.addresses[1]!.port), new Peer(saslPort)]
  for (const [index, peer] of peers.entries()) await peer.prepare(admins[index]!)
  for (const admin of admins) admin.close()
})
afterAll(async () => {
  await ours?.stop()
  await kafka?.stop()
})

describe.each(Array.from(cases, ([request, sets]) => ({ name: request.name, request, sets })))('$name', ({ request, sets }) => {
  test(`${sets.length} sets of entries`, async () => {
    for (const { name, user } of sets) {
      const [mine, theirs] = await Promise.all(peers.map((peer) => peer.answers(request, user)))
      expect(mine, name).toEqual(theirs)
    }
  })
})
