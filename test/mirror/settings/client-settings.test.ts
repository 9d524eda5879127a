/**
 * Goal: each client of a flow has the settings that MirrorMaker 2 gives it, and nothing that shows a flow shows its passwords. Method: one
 * setting at several levels of a file; test/peers/mirror-client-settings.test.ts compares whole files with MirrorMaker 2.
 */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  type ClientKind,
  clientKinds,
  connectorProperties,
  isSameClient,
  propertiesOfConnector,
  type Side,
  sideClients,
} from '../../../mirror/settings/client-settings.ts'
import { MirrorSettingsError, parseMirrorSettings } from '../../../mirror/settings/mm2-properties.ts'

const two = {
  clusters: 'us, central',
  'us.bootstrap.servers': 'us:1',
  'central.bootstrap.servers': 'central:1',
  'us->central.enabled': 'true',
}

const clientOf = (raw: Readonly<Record<string, string>>, side: Side, kind: ClientKind) =>
  parseMirrorSettings({ ...two, ...raw }).flows[0]![side].clients[kind]
const mechanismOf = (raw: Readonly<Record<string, string>>, side: Side, kind: ClientKind) =>
  clientOf({ 'security.protocol': 'SASL_SSL', ...raw }, side, kind).security()['sasl.mechanism']

describe('in an mm2.properties', () => {
  test.each([
    [
      ['source', 'consumer'],
      ['us->central.source.consumer.', 'us.consumer.', 'us.', '', 'us->central.consumer.', 'us->central.source.cluster.'],
    ],
    [
      ['source', 'producer'],
      ['us->central.source.producer.', 'us.producer.', 'us.', '', 'us->central.producer.', 'us->central.source.cluster.'],
    ],
    [
      ['source', 'admin'],
      ['us->central.source.admin.', 'us.admin.', 'us.', '', 'us->central.admin.', 'us->central.source.cluster.'],
    ],
    [
      ['target', 'consumer'],
      ['us->central.target.consumer.', 'central.consumer.', 'central.', '', 'us->central.consumer.'],
    ],
    [
      ['target', 'admin'],
      ['us->central.target.admin.', 'central.admin.', 'central.', '', 'us->central.admin.'],
    ],
    [
      ['target', 'producer'],
      [
        'us->central.producer.override.',
        'us->central.target.producer.',
        'central.producer.',
        'central.',
        '',
        'us->central.producer.',
        'us->central.target.cluster.',
      ],
    ],
  ] as [[Side, ClientKind], string[]][])('the %s has a setting from the first prefix that has it: %j', ([side, kind], prefixes) => {
    for (let first = 0; first < prefixes.length; first++) {
      const raw = Object.fromEntries(prefixes.slice(first).map((prefix) => [`${prefix}sasl.mechanism`, `of ${prefix}`]))
      expect(mechanismOf(raw, side, kind)).toBe(`of ${prefixes[first]}`)
    }
    expect(mechanismOf({}, side, kind)).toBeUndefined()
  })

  test.each([
    ['source', 'consumer', 'central.sasl.mechanism'],
    ['source', 'consumer', 'us.producer.sasl.mechanism'],
    ['source', 'consumer', 'us.admin.sasl.mechanism'],
    ['target', 'producer', 'us.sasl.mechanism'],
    ['target', 'producer', 'central.consumer.sasl.mechanism'],
    ['target', 'admin', 'us->central.source.admin.sasl.mechanism'],
    ['target', 'admin', 'us->central.sasl.mechanism'],
    ['source', 'admin', 'admin.sasl.mechanism'],
    ['source', 'producer', 'us->central.producer.override.sasl.mechanism'],
    ['source', 'consumer', 'central->us.source.consumer.sasl.mechanism'],
  ] as [Side, ClientKind, string][])('%s %s: %s is not of this client', (side, kind, name) => {
    expect(mechanismOf({ [name]: 'PLAIN' }, side, kind)).toBeUndefined()
  })

  test('a client has all settings of security and no others, its brokers and its client id', () => {
    const client = clientOf(
      {
        'us.security.protocol': 'ssl',
        'us.ssl.truststore.location': '/trust.p12',
        'us.consumer.ssl.endpoint.identification.algorithm': '',
        'us.consumer.bootstrap.servers': 'us-readers:1, us-readers:2',
        'us.consumer.fetch.min.bytes': '5',
        'us.consumer.client.id': 'reader',
        'us.client.id': 'mirror',
      },
      'source',
      'consumer',
    )
    expect(client.security()).toEqual({
      'security.protocol': 'ssl',
      'ssl.truststore.location': '/trust.p12',
      'ssl.endpoint.identification.algorithm': '',
    })
    expect(client.bootstrapServers).toEqual(['us-readers:1', 'us-readers:2'])
    expect(client.clientId).toBe('reader')
    expect(clientOf({ 'us.client.id': 'mirror' }, 'source', 'admin').clientId).toBe('mirror')
    expect(clientOf({ 'client.id': 'all' }, 'source', 'admin').clientId).toBe('all')
  })

  test('clients of a side are one where all their settings are equal', () => {
    const clients = (raw: Readonly<Record<string, string>>) => parseMirrorSettings({ ...two, ...raw }).flows[0]!.source.clients
    const same = ({ consumer, producer, admin }: ReturnType<typeof clients>) => [
      isSameClient(consumer, producer),
      isSameClient(consumer, admin),
    ]
    expect(same(clients({}))).toEqual([true, true])
    expect(same(clients({ 'us.security.protocol': 'SSL', 'us.consumer.security.protocol': 'SSL' }))).toEqual([true, true])
    expect(same(clients({ 'us.admin.sasl.jaas.config': 'x', 'us.sasl.mechanism': 'PLAIN' }))).toEqual([true, false])
    expect(same(clients({ 'us.consumer.bootstrap.servers': 'other:1' }))).toEqual([false, false])
  })

  test('bootstrap.servers without a cluster are those of all clusters that name none', () => {
    const { 'us.bootstrap.servers': _, ...rest } = two
    const [flow] = parseMirrorSettings({ ...rest, 'bootstrap.servers': 'shared:1' }).flows
    expect([flow!.source, flow!.target].map(({ clients }) => clients.admin.bootstrapServers)).toEqual([['shared:1'], ['central:1']])
  })

  test.each([
    ['us.security.protocol', 'TLS', /us\.security\.protocol.*PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL/],
    ['security.protocol', 'TLS', /security\.protocol.*PLAINTEXT, SSL/],
    ['us.consumer.security.protocol', 'TLS', /us\.consumer\.security\.protocol.*PLAINTEXT, SSL/],
    ['us->central.target.producer.security.protocol', 'TLS', /us->central\.target\.producer\.security\.protocol/],
    ['us.consumer.bootstrap.servers', 'nowhere', /us\.consumer\.bootstrap\.servers.*host:port/],
  ])('%s = %s is refused by its name', (name, value, message) => {
    expect(() => parseMirrorSettings({ ...two, [name]: value })).toThrow(MirrorSettingsError)
    expect(() => parseMirrorSettings({ ...two, [name]: value })).toThrow(message)
  })

  test('an error of a client names the settings as the user has written them', () => {
    const client = clientOf({ 'sasl.mechanism': 'GSSAPI', 'us.consumer.sasl.jaas.config': 'x' }, 'source', 'consumer')
    const about = (message: string) => client.refused(new Error(message))
    expect(about('Invalid value GSSAPI for configuration sasl.mechanism: no. Set sasl.jaas.config')).toMatchObject({
      name: 'MirrorSettingsError',
      setting: 'sasl.mechanism',
      message: 'Invalid value GSSAPI for configuration sasl.mechanism: no. Set us.consumer.sasl.jaas.config',
    })
    expect(about('ssl.truststore.location: no such file').message).toBe('us.ssl.truststore.location: no such file')
    expect(about('The login module a.b is not available').message).toBe(
      'us.consumer.sasl.jaas.config: The login module a.b is not available',
    )
    expect(about('ssl.keystore.location /home/ssl.key/us.ssl.p12: no').message).toMatch(
      /^us\.ssl\.keystore\.location \/home\/ssl\.key\/us\.ssl\.p12/,
    )
  })

  test('what shows the parsed settings shows no password', () => {
    const names = ['sasl.jaas.config', 'ssl.keystore.password', 'ssl.key.password', 'ssl.truststore.password', 'ssl.keystore.key']
    const prefixes = [
      '',
      'us.',
      'central.',
      'us.consumer.',
      'us->central.target.producer.',
      'us->central.producer.override.',
      'us.consumer.typo.',
    ]
    const raw = Object.fromEntries(prefixes.flatMap((prefix) => names.map((name) => [`${prefix}${name}`, `secret of ${prefix}${name}`])))
    const settings = parseMirrorSettings({ ...two, ...raw, 'us.security.protocol': 'SASL_SSL' })
    expect(settings.flows[0]!.source.clients.consumer.security()['sasl.jaas.config']).toContain('secret')
    expect(inspect(settings, { depth: null, showHidden: true })).not.toContain('secret of')
    expect(JSON.stringify(settings)).not.toContain('secret of')
  })
})

describe('warnings', () => {
  const warningsOf = (raw: Readonly<Record<string, string>>) => parseMirrorSettings({ ...two, ...raw }).warnings

  test('a complete file has none', () => {
    const shared = {
      'security.protocol': 'SASL_SSL',
      'sasl.mechanism': 'SCRAM-SHA-512',
      'sasl.jaas.config': 'x',
      'ssl.truststore.location': '/t',
    }
    expect(warningsOf(shared)).toEqual([])
    expect(
      warningsOf({ 'us.security.protocol': 'SSL', 'us.ssl.keystore.location': '/k', 'us.producer.ssl.keystore.location': '/p' }),
    ).toEqual([])
    expect(warningsOf({ ...shared, 'us.security.protocol': 'PLAINTEXT' })).toEqual([])
    expect(
      warningsOf({ ...shared, 'us->central.target.producer.sasl.jaas.config': 'x', 'us->central.admin.ssl.key.password': 'x' }),
    ).toEqual([])
  })

  test.each([
    ['us.ssl.trustore.location', /us\.ssl\.trustore\.location is not known.*did you mean ssl\.truststore\.location/],
    ['us.consumer.sasl.jass.config', /us\.consumer\.sasl\.jass\.config is not known.*did you mean sasl\.jaas\.config/],
    ['consumer.sasl.jaas.config', /consumer\.sasl\.jaas\.config has no effect: name the cluster, as in us\.consumer\.sasl\.jaas\.config/],
    ['us->central.sasl.jaas.config', /us->central\.sasl\.jaas\.config has no effect: name the cluster, as in us\.sasl\.jaas\.config/],
    ['us.sasl.jaas.config', /us\.sasl\.jaas\.config has no effect: us\.security\.protocol is PLAINTEXT/],
    [
      'central.admin.ssl.keystore.location',
      /central\.admin\.ssl\.keystore\.location has no effect: central\.security\.protocol is PLAINTEXT/,
    ],
  ])('%s', (name, message) => {
    const warnings = warningsOf({ [name]: 'the secret' })
    expect(warnings).toEqual([expect.stringMatching(message)])
    expect(warnings.join()).not.toContain('the secret')
  })
})

describe('in the config of a connector', () => {
  const config = {
    'source.cluster.alias': 'us',
    'source.cluster.bootstrap.servers': 'us:1',
    'source.cluster.security.protocol': 'SSL',
    'source.cluster.ssl.key.password': 'cluster',
    'consumer.ssl.key.password': 'consumer',
    'source.consumer.ssl.key.password': 'source.consumer',
  }

  test('source.consumer. before consumer. before source.cluster.', () => {
    const read = (given: Readonly<Record<string, string>>) =>
      sideClients(propertiesOfConnector(given, { 'bootstrap.servers': 'worker:1' }), 'source', 'source.cluster.').consumer.security()[
        'ssl.key.password'
      ]
    expect(read(config)).toBe('source.consumer')
    const { 'source.consumer.ssl.key.password': _, ...second } = config
    expect(read(second)).toBe('consumer')
    const { 'consumer.ssl.key.password': __, ...third } = second
    expect(read(third)).toBe('cluster')
  })

  test("a target that it does not name is the worker's cluster, with the worker's clients for connectors and not with its own", () => {
    const worker = {
      'bootstrap.servers': 'worker:1',
      'security.protocol': 'SASL_SSL',
      'sasl.jaas.config': 'of the worker itself',
      'producer.security.protocol': 'SASL_SSL',
      'producer.sasl.jaas.config': 'of producers',
    }
    const { producer, admin } = sideClients(propertiesOfConnector(config, worker), 'target', 'target.cluster.')
    expect([producer.bootstrapServers, admin.bootstrapServers]).toEqual([['worker:1'], ['worker:1']])
    expect(producer.security()).toEqual({ 'security.protocol': 'SASL_SSL', 'sasl.jaas.config': 'of producers' })
    expect(admin.security()).toEqual({})
    const own = sideClients(
      propertiesOfConnector({ ...config, 'producer.override.sasl.jaas.config': 'own' }, worker),
      'target',
      'target.cluster.',
    )
    expect(own.producer.security()['sasl.jaas.config']).toBe('own')
  })

  test('a setting that is missing is named with the side', () => {
    const { admin } = sideClients(propertiesOfConnector(config, null), 'source', 'source.cluster.')
    expect(admin.refused(new Error('sasl.jaas.config: missing')).message).toBe('source.cluster.sasl.jaas.config: missing')
    expect(() => sideClients(propertiesOfConnector(config, null), 'target', 'target.cluster.')).toThrow(
      /target\.cluster\.bootstrap\.servers/,
    )
  })
})

test('the properties of the connectors are those of MirrorMakerConfig.connectorBaseConfig', () => {
  const properties = connectorProperties(
    { 'us.bootstrap.servers': 'us:1', 'sasl.mechanism': 'PLAIN', 'us->central.topics': 't' },
    'us',
    'central',
  )
  const plain = Object.fromEntries([...properties].map(([name, { value, name: given }]) => [name, `${value} of ${given}`]))
  const mechanisms = (side: Side) =>
    ['cluster', ...clientKinds].map((kind) => [`${side}.${kind}.sasl.mechanism`, 'PLAIN of sasl.mechanism'] as const)
  expect(plain).toEqual({
    ...Object.fromEntries(['cluster', ...clientKinds].map((kind) => [`source.${kind}.bootstrap.servers`, 'us:1 of us.bootstrap.servers'])),
    ...Object.fromEntries([...mechanisms('source'), ...mechanisms('target')]),
    topics: 't of us->central.topics',
  })
})
