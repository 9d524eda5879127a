/**
 * Apache Kafka and our broker, each with StandardAuthorizer, the same users of SASL PLAIN and the same access control lists: to compare
 * what a user gets from both. The user of the PLAINTEXT listener, ANONYMOUS, may do everything.
 */
import saslHandshake from '../../core/apis/17-sasl-handshake.ts'
import describeAcls from '../../core/apis/29-describe-acls.ts'
import createAcls from '../../core/apis/30-create-acls.ts'
import saslAuthenticate from '../../core/apis/36-sasl-authenticate.ts'
import { patternTypes, permissionTypes } from '../../core/security/acl/acl.ts'
import { aclOperations, type Operation, type ResourceType, resourceTypes } from '../../core/security/authorizer.ts'
import { createLogger } from '../../core/system/logger.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { PLAIN_LOGIN_MODULE } from '../secured-listeners.ts'
import { until } from '../until.ts'
import { ABSENT_FEATURES, type KafkaBroker, startApacheKafka } from './apache-kafka.ts'

/** One entry of a list: `Allow Read Topic orders`, `Deny All Cluster kafka-cluster`, `Allow Write Topic ord*` for a prefix. */
export interface Entry {
  readonly permission: 'Allow' | 'Deny'
  readonly operation: Operation | 'All'
  readonly resourceType: ResourceType
  readonly name: string
  readonly pattern?: 'Literal' | 'Prefixed'
}

/** The entries of each user. */
export type Users = Readonly<Record<string, readonly Entry[]>>

export interface AuthorizedPeer {
  readonly name: 'ours' | 'kafka'
  /** Of the listener where users log in. */
  readonly address: string
  readonly port: number
  readonly dir: string
  readonly admin: RawClient
  /** A connection of the user, logged in. It is kept. */
  as(user: string): Promise<RawClient>
}

export interface AuthorizedPeers {
  readonly ours: AuthorizedPeer
  readonly kafka: AuthorizedPeer
  stop(): Promise<void>
}

export const passwordOf = (user: string): string => `${user}-secret`

const everything = {
  ...{ resourceTypeFilter: resourceTypes.Any, resourceNameFilter: null, patternTypeFilter: patternTypes.ANY },
  ...{ principalFilter: null, hostFilter: null, operation: aclOperations.Any, permissionType: permissionTypes.ANY },
}

const patterns = { Literal: patternTypes.LITERAL, Prefixed: patternTypes.PREFIXED } as const
const permissions = { Deny: permissionTypes.DENY, Allow: permissionTypes.ALLOW } as const

async function logIn(port: number, user: string): Promise<RawClient> {
  const client = await rawClient(port)
  await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })
  const { errorCode, errorMessage } = await client.send(saslAuthenticate, 2, {
    authBytes: Buffer.from(`\0${user}\0${passwordOf(user)}`),
  })
  if (errorCode !== 0) throw new Error(`${user} cannot log in: ${errorMessage}`)
  return client
}

const securitySettings = (users: Users) => ({
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,USERS:SASL_PLAINTEXT',
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
  'listener.name.users.sasl.enabled.mechanisms': 'PLAIN',
  'listener.name.users.plain.sasl.jaas.config': `${PLAIN_LOGIN_MODULE} required ${Object.keys(users)
    .map((user) => `user_${user}="${passwordOf(user)}"`)
    .join(' ')};`,
})

async function peerOf(
  name: AuthorizedPeer['name'],
  dir: string,
  port: number,
  usersPort: number,
): Promise<AuthorizedPeer & { close(): void }> {
  const admin = await rawClient(port)
  const clients = new Map<string, Promise<RawClient>>()
  return {
    name,
    address: `127.0.0.1:${usersPort}`,
    port: usersPort,
    dir,
    admin,
    as(user) {
      let client = clients.get(user)
      if (!client) clients.set(user, (client = logIn(usersPort, user)))
      return client
    },
    close() {
      admin.close()
      for (const client of clients.values()) void client.then((one) => one.close())
    },
  }
}

async function addEntries({ name, admin }: AuthorizedPeer, users: Users): Promise<void> {
  const creations = Object.entries(users).flatMap(([user, entries]) =>
    entries.map(({ permission, operation, resourceType, name: resourceName, pattern = 'Literal' }) => ({
      resourceType: resourceTypes[resourceType],
      resourceName,
      resourcePatternType: patterns[pattern],
      principal: `User:${user}`,
      host: '*',
      operation: aclOperations[operation],
      permissionType: permissions[permission],
    })),
  )
  const { results } = await admin.send(createAcls, 3, { creations })
  const failed = results.find(({ errorCode }) => errorCode !== 0)
  if (failed) throw new Error(`${name}: ${failed.errorMessage}`)
  // In Kafka the response does not wait for the authorizer.
  const distinct = new Set(creations.map((creation) => JSON.stringify(creation))).size
  await until(async () => {
    const { resources } = await admin.send(describeAcls, 3, everything)
    return resources.reduce((count, { acls }) => count + acls.length, 0) === distinct
  }, `${name} has the entries`)
}

/** Behind the port of its controller. */
const usersPortOf = (port: number): number => port + 2

/** `settings` are of both brokers. */
export async function startAuthorizedPeers(users: Users, settings: Readonly<Record<string, string>> = {}): Promise<AuthorizedPeers> {
  let kafka: KafkaBroker | undefined
  let ours: BrokerInProcess | undefined
  const peers: (AuthorizedPeer & { close(): void })[] = []
  const stop = async () => {
    for (const peer of peers) peer.close()
    await ours?.stop()
    await kafka?.stop()
  }
  try {
    kafka = await startApacheKafka((port) => {
      const listeners = `PLAINTEXT://127.0.0.1:${port},USERS://127.0.0.1:${usersPortOf(port)}`
      return {
        ...securitySettings(users),
        ...settings,
        listeners: `${listeners},CONTROLLER://127.0.0.1:${port + 1}`,
        'advertised.listeners': listeners,
      }
    }, ABSENT_FEATURES)
    const listeners = 'PLAINTEXT://127.0.0.1:0,USERS://127.0.0.1:0'
    // A logger whose levels can be altered.
    ours = await brokerInProcess({ ...securitySettings(users), ...settings, listeners }, { logger: createLogger('silent') })
    const [plain, logins] = ours.broker.addresses
    peers.push(
      await peerOf('ours', ours.dir, plain!.port, logins!.port),
      await peerOf('kafka', kafka.dir, kafka.port, usersPortOf(kafka.port)),
    )
    await Promise.all(peers.map((peer) => addEntries(peer, users)))
    return { ours: peers[0]!, kafka: peers[1]!, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
