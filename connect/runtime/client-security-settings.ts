/**
 * The security settings of a Kafka client, by Kafka's names: which values are secret, and which settings have an effect together. What they
 * mean is decided where a client is created.
 */
import { type Settings, setting } from '../sdk/index.ts'

const doc = "Kafka's security setting of this name."

const protocols = ['SASL_SSL', 'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT']

/** Settings of Kafka's type PASSWORD: their values are in no response, log or error (Invariant 12). */
const passwords = [
  'sasl.jaas.config',
  'sasl.oauthbearer.assertion.private.key.passphrase',
  'sasl.oauthbearer.client.credentials.client.secret',
  'ssl.key.password',
  'ssl.keystore.certificate.chain',
  'ssl.keystore.key',
  'ssl.keystore.password',
  'ssl.truststore.certificates',
  'ssl.truststore.password',
]

const texts = [
  'sasl.client.callback.handler.class',
  'sasl.login.callback.handler.class',
  'sasl.login.class',
  'sasl.login.connect.timeout.ms',
  'sasl.login.read.timeout.ms',
  'sasl.login.refresh.buffer.seconds',
  'sasl.login.refresh.min.period.seconds',
  'sasl.login.refresh.window.factor',
  'sasl.login.refresh.window.jitter',
  'sasl.login.retry.backoff.max.ms',
  'sasl.login.retry.backoff.ms',
  'sasl.mechanism',
  'sasl.oauthbearer.assertion.algorithm',
  'sasl.oauthbearer.assertion.claim.aud',
  'sasl.oauthbearer.assertion.claim.exp.seconds',
  'sasl.oauthbearer.assertion.claim.iss',
  'sasl.oauthbearer.assertion.claim.jti.include',
  'sasl.oauthbearer.assertion.claim.nbf.seconds',
  'sasl.oauthbearer.assertion.claim.sub',
  'sasl.oauthbearer.assertion.file',
  'sasl.oauthbearer.assertion.private.key.file',
  'sasl.oauthbearer.assertion.template.file',
  'sasl.oauthbearer.client.credentials.client.id',
  'sasl.oauthbearer.header.urlencode',
  'sasl.oauthbearer.jwt.retriever.class',
  'sasl.oauthbearer.jwt.validator.class',
  'sasl.oauthbearer.scope',
  'sasl.oauthbearer.token.endpoint.url',
  'ssl.cipher.suites',
  'ssl.enabled.protocols',
  'ssl.endpoint.identification.algorithm',
  'ssl.engine.factory.class',
  'ssl.keymanager.algorithm',
  'ssl.keystore.location',
  'ssl.keystore.type',
  'ssl.protocol',
  'ssl.provider',
  'ssl.secure.random.implementation',
  'ssl.trustmanager.algorithm',
  'ssl.truststore.location',
  'ssl.truststore.type',
]

/** Kafka's own check of the name. */
export const securityProtocol = {
  check: (value: string) =>
    protocols.includes(value.trim().toUpperCase()) ? undefined : `String must be one of (case insensitive): ${protocols.join(', ')}`,
} as const

export const clientSecuritySettings: Settings = {
  'security.protocol': setting.string({ default: null, doc, ...securityProtocol }),
  ...Object.fromEntries(texts.map((name) => [name, setting.string({ default: null, doc })])),
  ...Object.fromEntries(passwords.map((name) => [name, setting.password({ default: null, doc })])),
}

export const isSecuritySetting = (name: string): boolean =>
  name === 'security.protocol' || name.startsWith('ssl.') || name.startsWith('sasl.')

/**
 * Those of `settings` that the security protocol uses: what has no effect makes no difference between two clients. The last one of a name
 * counts.
 */
export function securityInUse(settings: readonly (readonly [name: string, value: string])[]): Record<string, string> {
  const all = new Map(settings)
  const protocol = (all.get('security.protocol') ?? 'PLAINTEXT').trim().toUpperCase()
  if (protocol === 'PLAINTEXT') return {}
  const used = [...all].filter(
    ([name]) => (name.startsWith('ssl.') && protocol.endsWith('SSL')) || (name.startsWith('sasl.') && protocol.startsWith('SASL')),
  )
  return Object.fromEntries([['security.protocol', protocol], ...used.sort(([a], [b]) => (a < b ? -1 : 1))])
}
