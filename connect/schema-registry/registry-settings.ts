/**
 * The settings that Confluent's converters have in common: where the registry is, who they are there, how schemas are registered and
 * found. Names and defaults are Confluent's. The `schema.registry.ssl.*` settings are those of Kafka's clients under that prefix.
 */
import { tlsSettingNames } from '../../core/security/tls/tls-settings.ts'
import { type ConfigOf, type Settings, setting } from '../sdk/index.ts'
import { settingsWithoutEffect } from './settings-without-effect.ts'
import { defaultStrategy, fallbackStrategies, strategyNames } from './subject-name.ts'
import { idDeserializers, idSerializers } from './wire-format.ts'

const MAX_INT = 2_147_483_647
const atLeast = (min: number) => (value: number) => (value < min ? `Value must be at least ${min}` : undefined)
/** The client's settings are also read with this prefix. */
const prefixed = (name: string) => [`schema.registry.${name}`]
const secretNames = /password|keystore\.key$|certificate/

const oneOfClasses = (names: readonly string[]) => (value: string) =>
  names.includes(value) ? undefined : `Class ${value} could not be found: use ${names.join(' or ')}`

const strategy = (what: string) =>
  setting.class({
    default: defaultStrategy,
    doc: `The subject of the schemas of ${what}s: by topic, by the name of the record, or by both.`,
    recommended: strategyNames,
    check: oneOfClasses(strategyNames),
  })

const idSerializer = (what: string) =>
  setting.class({
    default: idSerializers.prefix,
    doc: `Where the id of the schema of a ${what} is written: before the data, or as a GUID in a header. Both are read.`,
    recommended: Object.values(idSerializers),
    check: oneOfClasses(Object.values(idSerializers)),
  })

const idDeserializer = (what: string) =>
  setting.class({
    default: idDeserializers.dual,
    doc: `Where the id of the schema of a ${what} is read: in a header, else before the data; or before the data alone.`,
    recommended: Object.values(idDeserializers),
    check: oneOfClasses(Object.values(idDeserializers)),
    importance: 'LOW',
  })

const NO_CONTEXT = 'io.confluent.kafka.serializers.context.NullContextNameStrategy'
const fallbackTypes = Object.keys(fallbackStrategies) as (keyof typeof fallbackStrategies)[]

const tls: Settings = Object.fromEntries(
  tlsSettingNames.map((name) => {
    const doc = `${name} of the connection to the schema registry.`
    const type = secretNames.test(name) ? setting.password : setting.string
    return [`schema.registry.${name}`, type({ default: null, doc, importance: 'LOW' })]
  }),
)

export const clientSettings = {
  'schema.registry.url': setting.list({
    doc: 'The URLs of the schema registry; the next one is used when one does not respond.',
    importance: 'HIGH',
    check: (urls) =>
      urls.length === 0
        ? 'at least one URL is needed'
        : urls.every((url) => /^https?:$/.test(URL.parse(url)?.protocol ?? ''))
          ? undefined
          : 'each must be a URL of http or https',
  }),
  'schema.registry.url.randomize': setting.boolean({
    default: false,
    doc: 'Whether the first URL that is used is chosen at random.',
    importance: 'LOW',
  }),
  'basic.auth.credentials.source': setting.oneOf(['URL', 'USER_INFO', 'SASL_INHERIT'], {
    default: 'URL',
    doc: 'Where the user and password of basic authentication are: in the URL, in basic.auth.user.info, or in sasl.jaas.config.',
    aliases: prefixed('basic.auth.credentials.source'),
  }),
  'basic.auth.user.info': setting.password({
    default: null,
    doc: 'user:password, with basic.auth.credentials.source=USER_INFO.',
    aliases: prefixed('basic.auth.user.info'),
  }),
  'sasl.jaas.config': setting.password({
    default: null,
    doc: 'The login module whose username and password SASL_INHERIT takes.',
    aliases: prefixed('sasl.jaas.config'),
  }),
  'bearer.auth.credentials.source': setting.oneOf(['STATIC_TOKEN', 'OAUTHBEARER'], {
    default: 'STATIC_TOKEN',
    doc: 'Where the bearer token is from: bearer.auth.token, or an OAuth provider.',
    aliases: prefixed('bearer.auth.credentials.source'),
  }),
  'bearer.auth.token': setting.password({
    default: null,
    doc: 'The bearer token of STATIC_TOKEN.',
    aliases: prefixed('bearer.auth.token'),
  }),
  'bearer.auth.issuer.endpoint.url': setting.string({
    default: null,
    doc: 'The token endpoint of OAUTHBEARER.',
    aliases: prefixed('bearer.auth.issuer.endpoint.url'),
  }),
  'bearer.auth.client.id': setting.string({
    default: null,
    doc: 'The client id at the token endpoint.',
    aliases: prefixed('bearer.auth.client.id'),
  }),
  'bearer.auth.client.secret': setting.password({
    default: null,
    doc: 'The secret at the token endpoint.',
    aliases: prefixed('bearer.auth.client.secret'),
  }),
  'bearer.auth.scope': setting.string({
    default: null,
    doc: 'The scope that is asked for at the token endpoint.',
    aliases: prefixed('bearer.auth.scope'),
  }),
  'bearer.auth.scope.claim.name': setting.string({
    default: 'scope',
    doc: 'The claim of the token that has its scope.',
    importance: 'LOW',
    aliases: prefixed('bearer.auth.scope.claim.name'),
  }),
  'bearer.auth.sub.claim.name': setting.string({
    default: 'sub',
    doc: 'The claim of the token that has its subject.',
    importance: 'LOW',
    aliases: prefixed('bearer.auth.sub.claim.name'),
  }),
  'bearer.auth.logical.cluster': setting.string({
    default: null,
    doc: 'Sent as the header target-sr-cluster.',
    aliases: prefixed('bearer.auth.logical.cluster'),
  }),
  'bearer.auth.identity.pool.id': setting.string({
    default: null,
    doc: 'Sent as the header Confluent-Identity-Pool-Id.',
    aliases: prefixed('bearer.auth.identity.pool.id'),
  }),
  'bearer.auth.cache.expiry.buffer.seconds': setting.short({
    default: 300,
    doc: 'How long before its end a token is replaced.',
    importance: 'LOW',
    aliases: prefixed('bearer.auth.cache.expiry.buffer.seconds'),
    check: (value) => (value < 0 || value > 3600 ? 'Value must be between 0 and 3600' : undefined),
  }),
  'http.connect.timeout.ms': setting.int({
    default: 60_000,
    doc: 'How long a connection may take; a request has this and http.read.timeout.ms together.',
    importance: 'LOW',
    aliases: prefixed('http.connect.timeout.ms'),
    check: atLeast(1),
  }),
  'http.read.timeout.ms': setting.int({
    default: 60_000,
    doc: 'How long a response may take.',
    importance: 'LOW',
    aliases: prefixed('http.read.timeout.ms'),
    check: atLeast(1),
  }),
  'proxy.host': setting.string({
    default: null,
    doc: 'The host of an HTTP proxy, through which all requests go.',
    importance: 'LOW',
    aliases: prefixed('proxy.host'),
  }),
  'proxy.port': setting.int({
    default: -1,
    doc: 'The port of the HTTP proxy.',
    importance: 'LOW',
    aliases: prefixed('proxy.port'),
    check: (value) => (value < -1 || value > 65_535 ? 'Value must be a port' : undefined),
  }),
  'max.retries': setting.int({
    default: 3,
    doc: 'How often a request is repeated, after all URLs have failed.',
    importance: 'LOW',
    aliases: prefixed('max.retries'),
    check: atLeast(0),
  }),
  'retries.wait.ms': setting.int({
    default: 1000,
    doc: 'How long to wait before the first repetition.',
    importance: 'LOW',
    aliases: prefixed('retries.wait.ms'),
    check: atLeast(0),
  }),
  'retries.max.wait.ms': setting.int({
    default: 20_000,
    doc: 'How long to wait before any repetition.',
    importance: 'LOW',
    aliases: prefixed('retries.max.wait.ms'),
    check: atLeast(0),
  }),
  ...tls,
} satisfies Settings

export const registrySettings = {
  'converter.type': setting.string({ default: null, doc: 'Set by the worker: key, value or header.', importance: 'LOW' }),
  ...clientSettings,
  'auto.register.schemas': setting.boolean({
    default: true,
    doc: 'Whether a schema that the registry does not have is registered.',
  }),
  'normalize.schemas': setting.boolean({
    default: false,
    doc: 'Whether the registry ignores order where it has no meaning.',
  }),
  'use.schema.id': setting.int({
    default: -1,
    doc: 'The id of the schema that records are written with, without auto.register.schemas.',
    importance: 'LOW',
  }),
  'use.schema.guid': setting.string({
    default: null,
    doc: 'The GUID of the schema that records are written with, without auto.register.schemas and use.schema.id.',
    importance: 'LOW',
  }),
  'id.compatibility.strict': setting.boolean({
    default: true,
    doc: 'Whether records must have exactly the fields of the schema of use.schema.id or use.schema.guid.',
    importance: 'LOW',
  }),
  'use.latest.version': setting.boolean({
    default: false,
    doc: 'Whether records are written with the latest version of the subject, without auto.register.schemas; and read with it, with the fields and defaults of that version.',
    importance: 'LOW',
  }),
  'use.latest.with.metadata': setting.string({
    default: null,
    doc: 'key=value: records are written with the latest version that has this metadata, without auto.register.schemas; and read with it.',
    importance: 'LOW',
    check: (value) => (/^[^=]+=.*$/.test(value) ? undefined : 'it must be key=value'),
  }),
  'latest.compatibility.strict': setting.boolean({
    default: true,
    doc: 'Whether records must have exactly the fields of the latest version.',
    importance: 'LOW',
  }),
  'key.subject.name.strategy': strategy('key'),
  'value.subject.name.strategy': strategy('value'),
  'subject.name.strategy.fallback.type': setting.oneOf(fallbackTypes, {
    default: 'TOPIC',
    doc: 'The strategy of AssociatedNameStrategy for topics without an association; with NONE they fail.',
    importance: 'LOW',
  }),
  'subject.name.strategy.kafka.cluster.id': setting.string({
    default: null,
    doc: 'The cluster whose topics AssociatedNameStrategy asks for; any by default.',
    importance: 'LOW',
  }),
  'subject.name.strategy.cache.size': setting.int({
    default: 1000,
    doc: 'How many subjects AssociatedNameStrategy keeps in memory.',
    importance: 'LOW',
    check: atLeast(1),
  }),
  'subject.name.strategy.cache.expiry.secs': setting.int({
    default: -1,
    doc: 'After how many seconds AssociatedNameStrategy asks again, at least 1; -1 for never.',
    importance: 'LOW',
    check: (value) => (value < -1 || value === 0 || value > MAX_INT / 1000 ? 'Value must be -1 or at least 1' : undefined),
  }),
  'context.name.strategy': setting.class({
    default: NO_CONTEXT,
    doc: 'The context of the schemas: none of its own. Name a context in schema.registry.url, as https://host/contexts/.name.',
    importance: 'LOW',
    check: oneOfClasses([NO_CONTEXT]),
  }),
  'key.schema.id.serializer': idSerializer('key'),
  'value.schema.id.serializer': idSerializer('value'),
  'key.schema.id.deserializer': idDeserializer('key'),
  'value.schema.id.deserializer': idDeserializer('value'),
  'execution.environment': setting.oneOf(['ALL', 'CLIENT', 'GATEWAY', 'SERVER', 'NONE'], {
    default: 'CLIENT',
    doc: 'Where this converter counts as running, for rules that are enabled in one place.',
    importance: 'LOW',
  }),
  'max.schemas.per.subject': setting.int({
    default: 1000,
    doc: 'How many schemas and ids of the registry are kept in memory.',
    importance: 'LOW',
    check: atLeast(1),
  }),
  'latest.cache.size': setting.int({
    default: 1000,
    doc: 'How many latest versions are kept in memory.',
    importance: 'LOW',
    check: atLeast(1),
  }),
  'latest.cache.ttl.sec': setting.int({
    default: -1,
    doc: 'After how many seconds a latest version is asked for again, at least 1; -1 for never.',
    importance: 'LOW',
    check: (value) => (value < -1 || value > MAX_INT / 1000 ? 'Value must be at least -1' : undefined),
  }),
  ...settingsWithoutEffect,
} satisfies Settings

/** Of the conversion between Connect's schemas and those of the registry, in all formats. */
export const dataSettings = {
  'generalized.sum.type.support': setting.boolean({
    default: false,
    doc: 'Whether enums and unions have parameters that all formats understand.',
  }),
  'ignore.default.for.nullables': setting.boolean({
    default: false,
    doc: 'Whether null stays null in a field that has a default.',
  }),
  'schemas.cache.config': setting.int({
    default: 1000,
    doc: 'How many converted schemas are kept in memory.',
    importance: 'LOW',
  }),
} satisfies Settings

export type ClientConfig = ConfigOf<typeof clientSettings>
export type RegistryConfig = ConfigOf<typeof registrySettings>
export type DataConfig = ConfigOf<typeof dataSettings>
