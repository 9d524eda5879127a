/**
 * Goal: CreateAcls, DescribeAcls and DeleteAcls, and kafka-acls on top of them, answer as Apache Kafka does. Method: random requests,
 * invalid ones included, and an operator's commands go to both; the responses are compared, in any order of the entries.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import describeAcls from '../../core/apis/29-describe-acls.ts'
import createAcls from '../../core/apis/30-create-acls.ts'
import deleteAcls from '../../core/apis/31-delete-acls.ts'
import describeConfigs from '../../core/apis/32-describe-configs.ts'
import { startBroker } from '../../core/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { Samples } from '../core/security/acl/acl-samples.ts'
import { randomFrom } from '../random.ts'
import { type RawClient, rawClient } from '../raw-client.ts'
import { until } from '../until.ts'
import { inPlaceOf, type KafkaBroker, startApacheKafka } from './apache-kafka.ts'
import { javaProgram } from './java-program.ts'
import { kafkaClassPath } from './maven-jars.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })

const ROUNDS = 300
const authorizer = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS;User:CN=kafka,O=Acme',
}

interface Outcome {
  readonly code: number
  readonly text: string
}

const program = await javaProgram('admin-tools', kafkaClassPath())
let kafka: KafkaBroker
let ours: BrokerInProcess
let clients: RawClient[]
let run: (command: readonly string[]) => Promise<Outcome>
let endTools: () => Promise<void>

beforeAll(async () => {
  kafka = await startApacheKafka(authorizer)
  ours = await brokerInProcess(authorizer)
  clients = [await rawClient(kafka.port), await ours.client()]
  const child = spawn(program.command, program.args(), { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  run = async (command) => {
    child.stdin.write(`${JSON.stringify(command)}\n`)
    const { value, done } = await answers.next()
    if (done) throw new Error(`the tools ended at ${command.join(' ')}`)
    return JSON.parse(value) as Outcome
  }
  endTools = async () => {
    child.stdin.end()
    await ended
  }
})
afterAll(async () => {
  await endTools?.()
  for (const client of clients ?? []) client.close()
  await ours?.stop()
  await kafka?.stop()
})

const random = randomFrom(20_260_617)
const samples = new Samples(random)
const below = (limit: number) => Math.floor(random() * limit)
/** Sometimes `other`. */
const or = <T>(value: T, other: T, oneIn: number): T => (below(oneIn) === 0 ? other : value)
const versionOf = () => 1 + below(3)

/** One in a few is invalid in some way. */
function creation() {
  const { patternType, ...acl } = samples.acl()
  return {
    ...acl,
    resourceType: or(acl.resourceType, 99, 25),
    resourceName: or(acl.resourceName, '', 25),
    resourcePatternType: or<number>(patternType, 99, 25),
    principal: or(acl.principal, 'alice', 25),
    operation: or(acl.operation, 99, 25),
    permissionType: or(acl.permissionType, 99, 25),
  }
}

/** Most fields are open, so that it matches some. */
function filter() {
  const acl = samples.acl()
  return {
    resourceTypeFilter: or(1, acl.resourceType, 2),
    resourceNameFilter: or<string | null>(null, acl.resourceName, 2),
    patternTypeFilter: [1, 1, 2, 2, 3, 4, 99][below(7)]!,
    principalFilter: or<string | null>(null, acl.principal, 3),
    hostFilter: or<string | null>(null, acl.host, 4),
    operation: or<number>(1, or(acl.operation, 99, 10), 3),
    permissionType: or<number>(1, or(acl.permissionType, 99, 10), 3),
  }
}

/** In an order of its own. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sorted(item)]))
}

test(`${ROUNDS} rounds of random requests have the same responses`, async () => {
  const seen = { created: 0, refused: 0, described: 0, deleted: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    const version = versionOf()
    const creations = Array.from({ length: 1 + below(5) }, creation)
    const [created, oursCreated] = await Promise.all(clients.map((client) => client.send(createAcls, version, { creations })))
    expect(oursCreated, JSON.stringify(creations)).toEqual(created)
    for (const { errorCode } of created!.results) seen[errorCode === 0 ? 'created' : 'refused']++

    const asked = filter()
    const describe = async () => (await Promise.all(clients.map((client) => client.send(describeAcls, version, asked)))).map(sorted)
    // Kafka's broker learns of a change after its controller has answered.
    await until(
      async () => {
        const [theirs, mine] = await describe()
        return JSON.stringify(theirs) === JSON.stringify(mine)
      },
      `the same entries of ${JSON.stringify(asked)}`,
    )
    const [described] = (await describe()) as [{ resources: unknown[] }]
    seen.described += described.resources.length

    if (below(3) > 0) continue
    const filters = Array.from({ length: 1 + below(3) }, filter).filter(({ resourceNameFilter, principalFilter }) => resourceNameFilter ?? principalFilter) // biome-ignore format: one line
    const [deleted, oursDeleted] = await Promise.all(clients.map((client) => client.send(deleteAcls, version, { filters })))
    const ordered = (response: NonNullable<typeof deleted>) =>
      response.filterResults.map(({ matchingAcls, ...result }) => ({ ...result, matchingAcls: sorted(matchingAcls) }))
    expect(ordered(oursDeleted!), JSON.stringify(filters)).toEqual(ordered(deleted!))
    for (const { matchingAcls } of deleted!.filterResults) seen.deleted += matchingAcls.length
  }
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(ROUNDS / 3)
})

test('what no client of Kafka’s own can send: we say why', async () => {
  const valid = { ...topicAcl('valid'), principal: 'User:valid' }
  const ask = (client: RawClient, given: object) => client.send(createAcls, 3, { creations: [valid, { ...valid, ...given }] })
  for (const field of ['resourceType', 'resourcePatternType', 'operation', 'permissionType']) {
    // ANY fails the whole request with Kafka, as a bug of its own would.
    const [theirs, mine] = await Promise.all(clients.map((client) => ask(client, { [field]: 1 })))
    expect(theirs!.results).toEqual(Array(2).fill({ errorCode: -1, errorMessage: null }))
    expect(mine!.results).toEqual([{ errorCode: 0, errorMessage: '' }, { errorCode: 42, errorMessage: expect.stringMatching(/^Invalid \w+ ANY$/) }]) // biome-ignore format: one line
    // UNKNOWN closes the connection.
    const client = await rawClient(kafka.port)
    await expect(ask(client, { [field]: 0 })).rejects.toThrow('the connection was closed')
    expect((await ask(clients[1]!, { [field]: 0 })).results[1]).toMatchObject({ errorCode: 42 })
  }
  const filters = [{ ...ofMany, principalFilter: 'User:valid' }]
  for (const client of clients) await client.send(deleteAcls, 3, { filters })
})

const topicAcl = (resourceName: string) => ({
  resourceType: 2,
  resourceName,
  resourcePatternType: 3,
  principal: 'User:many',
  host: '*',
  operation: 3,
  permissionType: 3,
})
const ofMany = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: 'User:many',
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

test('more than 10,000 entries in one request are refused', async () => {
  const many = (from: number, count: number) => Array.from({ length: count }, (_, index) => topicAcl(`many-${from + index}`))
  const both = async (creations: ReturnType<typeof many>) => {
    const [theirs, mine] = await Promise.all(clients.map((client) => client.send(createAcls, 3, { creations })))
    expect(mine).toEqual(theirs)
    return new Set(theirs!.results.map(({ errorMessage }) => errorMessage))
  }
  expect(await both(many(0, 10_001))).toEqual(new Set(['Unable to perform excessively large batch operation.']))
  for (const from of [0, 4000, 8000]) expect(await both(many(from, 4000))).toEqual(new Set(['']))
  const [theirs, mine] = await Promise.all(clients.map((client) => client.send(deleteAcls, 3, { filters: [ofMany, ofMany] })))
  expect(mine).toEqual(theirs)
  expect(theirs!.filterResults[0]).toMatchObject({ errorMessage: 'Cannot remove more than 10000 acls in a single delete operation.' })
  const empty = { filters: [] }
  expect(await Promise.all(clients.map((client) => client.send(deleteAcls, 3, empty)))).toEqual(Array(2).fill({ throttleTimeMs: 0, filterResults: [] })) // biome-ignore format: one line
  for (const prefix of ['1', '2', '3', '4', '5', '6', '7', '8', '9', '0'])
    for (const client of clients) {
      const names = many(0, 12_000).map(({ resourceName }) => resourceName).filter((name) => name.startsWith(`many-${prefix}`)) // biome-ignore format: one line
      const filters = names.map((name) => ({ ...ofMany, resourceTypeFilter: 2, resourceNameFilter: name, patternTypeFilter: 3, hostFilter: '*', operation: 3, permissionType: 3 })) // biome-ignore format: one line
      const { filterResults } = await client.send(deleteAcls, 3, { filters })
      expect(filterResults.every(({ matchingAcls }) => matchingAcls.length === 1)).toBe(true)
    }
})

test('the settings of the authorizer are described alike', async () => {
  const configurationKeys = ['authorizer.class.name', 'super.users', 'allow.everyone.if.no.acl.found']
  const ask = async (client: RawClient) => {
    const resources = [{ resourceType: 4, resourceName: '1', configurationKeys }]
    const { results } = await client.send(describeConfigs, 4, { resources, includeSynonyms: true, includeDocumentation: false })
    return sorted(results)
  }
  expect(await ask(clients[1]!)).toEqual(await ask(clients[0]!))
})

const acl = ['--add', '--allow-principal', 'User:alice']
const commands: string[][] = [
  ['--list'],
  [...acl, '--operation', 'Read', '--topic', 'orders'],
  [...acl, '--operation', 'Read', '--topic', 'orders'],
  [...acl, '--producer', '--topic', 'orders', '--idempotent'],
  [...acl, '--producer', '--topic', 'orders', '--transactional-id', 'tx'],
  [...acl, '--consumer', '--topic', 'orders', '--group', 'readers'],
  [...acl, '--consumer', '--topic', 'team-', '--group', 'team-', '--resource-pattern-type', 'prefixed'],
  ['--add', '--deny-principal', 'User:bob', '--deny-host', '10.0.0.9', '--operation', 'All', '--topic', '*'],
  ['--add', '--allow-principal', 'User:CN=a,O=b', '--operation', 'Alter', '--operation', 'Describe', '--cluster'],
  ['--add', '--allow-principal', 'User:*', '--operation', 'Describe', '--user-principal', 'User:carol'],
  ['--add', '--allow-principal', 'User:x', '--operation', 'Describe', '--delegation-token', 'token'],
  ['--list', '--topic', 'orders'],
  ['--list', '--topic', 'team-red', '--resource-pattern-type', 'match'],
  ['--list', '--topic', 'orders', '--resource-pattern-type', 'any'],
  ['--list', '--principal', 'User:alice', '--topic', 'orders'],
  ['--list', '--group', 'none'],
  ['--remove', '--allow-principal', 'User:alice', '--operation', 'Write', '--topic', 'orders', '--force'],
  ['--remove', '--allow-principal', 'User:nobody', '--operation', 'Write', '--topic', 'orders', '--force'],
  ['--remove', '--topic', 'team-', '--resource-pattern-type', 'prefixed', '--force'],
  ['--remove', '--topic', 'orders', '--resource-pattern-type', 'match', '--force'],
  ['--add', '--allow-principal', 'alice', '--operation', 'Read', '--topic', 'orders'],
  ['--add', '--allow-principal', 'User:alice', '--operation', 'Create', '--group', 'g'],
  ['--add', '--allow-principal', 'User:alice', '--operation', 'Read', '--topic', 'x', '--resource-pattern-type', 'match'],
  ['--remove', '--cluster', '--force'],
  ['--list'],
]

test.each(commands.map((command) => [command.join(' '), command] as const))('kafka-acls %s', async (_, command) => {
  const ask = async (address: string) => {
    const { code, text } = await run(['org.apache.kafka.tools.AclCommand', '--bootstrap-server', address, ...command])
    const lines = text.replaceAll(address, 'ADDRESS').split('\n').filter((line) => !/^(\tat |\t\.\.\. \d+ more)/.test(line)) // biome-ignore format: one line
    return { code, lines: lines.map((line) => line.trim()).sort() }
  }
  // A change takes Kafka's broker a moment, and each command may be repeated: what it lists afterwards is then the same.
  let last: unknown
  await until(
    async () => {
      const [theirs, mine] = [await ask(kafka.address), await ask(`127.0.0.1:${ours.port}`)]
      last = { theirs, mine }
      return JSON.stringify(theirs) === JSON.stringify(mine)
    },
    'the same answer',
    10_000,
  ).catch((error: unknown) => {
    throw new Error(JSON.stringify(last, null, 1), { cause: error })
  })
})

test('a node changes hands with its entries: what one created is in effect with the other, what one removed is gone', async () => {
  const tool = async (address: string, ...command: string[]) => {
    const { code, text } = await run(['org.apache.kafka.tools.AclCommand', '--bootstrap-server', address, ...command])
    expect(code, text).toBe(0)
    return text
  }
  const listed = async (address: string) => (await tool(address, '--list')).replaceAll(address, 'ADDRESS').split('\n').map((line) => line.trim()).sort() // biome-ignore format: one line
  await tool(kafka.address, '--add', '--allow-principal', 'User:eve', '--operation', 'Read', '--topic', 'moved')
  await tool(kafka.address, '--add', '--deny-principal', 'User:eve', '--operation', 'Read', '--topic', 'mov', '--resource-pattern-type', 'prefixed') // biome-ignore format: one line
  await until(async () => (await listed(kafka.address)).filter((line) => line.includes('User:eve')).length === 2, 'both entries')
  const before = await listed(kafka.address)
  await kafka.exit()

  const next = await startBroker({ ...inPlaceOf(kafka), ...authorizer }, realSystem('silent'))
  const eve = { principal: 'User:eve', host: '/127.0.0.1' }
  const read = { operation: 'Read', resourceType: 'Topic', resourceName: 'moved', api: 'Fetch', resourceReferenceCount: 1, logIfAllowed: true, logIfDenied: true } as const // biome-ignore format: one line
  try {
    expect(await listed(kafka.address)).toEqual(before)
    expect(next.authorizer!.authorize(eve, read)).toBe(false)
    await tool(kafka.address, '--remove', '--deny-principal', 'User:eve', '--operation', 'Read', '--topic', 'mov', '--resource-pattern-type', 'prefixed', '--force') // biome-ignore format: one line
    expect(next.authorizer!.authorize(eve, read)).toBe(true)
    await tool(kafka.address, '--add', '--allow-principal', 'User:eve', '--consumer', '--topic', 'team-', '--group', 'team-', '--resource-pattern-type', 'prefixed') // biome-ignore format: one line
  } finally {
    await next.close()
  }
  // Read of the topic, Read and Describe of the topics, Read of the groups.
  const ofEve = 4

  // Meanwhile a connection of any process may have had the port of its controller.
  const started = async () => {
    await kafka.start()
    return true
  }
  await until(started, 'Apache Kafka starts on its ports', 120_000)
  await until(async () => (await listed(kafka.address)).filter((line) => line.includes('User:eve')).length === ofEve, 'the entries')
  expect(await listed(kafka.address)).not.toContain('(principal=User:eve, host=*, operation=READ, permissionType=DENY)')
})
