/**
 * The settings that secure listeners: TLS and SASL. A listener has its own value under `listener.name.<name>.`, one mechanism of it under
 * `listener.name.<name>.<mechanism>.`; the stores of TLS may be altered per listener on a running broker.
 */
import { superUsersProblem } from '../security/acl/super-users.ts'
import { bool, int, list, long, password, text } from './setting.ts'

/** In the order of Kafka's ids. */
export const securityProtocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const
export type SecurityProtocol = (typeof securityProtocols)[number]

const STANDARD_AUTHORIZER = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'

const authorization = {
  'authorizer.class.name': text('', `What decides about access: ${STANDARD_AUTHORIZER}, or empty, where everyone may do everything.`, {
    validate: (name: string) =>
      name === '' || name === STANDARD_AUTHORIZER
        ? null
        : `Authorizers are Java classes, and only ${STANDARD_AUTHORIZER} is implemented: use it, or leave the setting empty to let everyone in`,
  }),
  'super.users': text('', 'Principals that may do everything, separated by semicolons: User:admin;User:CN=kafka.', {
    validate: superUsersProblem,
    unlisted: true,
  }),
  'allow.everyone.if.no.acl.found': text('false', 'Whether everyone may use a resource that has no access control list.', {
    unlisted: true,
  }),
}

export const securitySettings = {
  ...authorization,
  'sasl.enabled.mechanisms': list('GSSAPI', 'The SASL mechanisms of a listener. GSSAPI is not one of those that can be enabled.'),
  'sasl.jaas.config': password('The login module of a mechanism. Must be set for one mechanism of one listener.'),
  'sasl.server.max.receive.size': int(524_288, 'The largest request before the login is complete.'),
  'sasl.server.callback.handler.class': text(null, 'How OAUTHBEARER validates tokens. Must be set for one mechanism of one listener.'),
  'sasl.oauthbearer.jwks.endpoint.url': text(null, 'Where the keys of the OAuth provider are.'),
  'sasl.oauthbearer.expected.audience': list('', 'The audiences of tokens that are accepted.'),
  'sasl.oauthbearer.expected.issuer': text(null, 'The issuer of tokens that are accepted.'),
  'sasl.oauthbearer.clock.skew.seconds': int(30, 'By how much clocks may differ when a token is validated.'),
  'sasl.oauthbearer.scope.claim.name': text('scope', 'The claim of a token with its scopes.'),
  'sasl.oauthbearer.sub.claim.name': text('sub', 'The claim of a token with the principal.'),
  'connection.failed.authentication.delay.ms': int(100, 'How long the answer to a failed login is delayed.', { min: 0 }),
  'connections.max.reauth.ms': long(0, 'How long a login is valid before the client must log in again; 0 for no limit.'),
  'delegation.token.secret.key': password('The key that delegation tokens are made and checked with. Without it there are none.'),
  'delegation.token.max.lifetime.ms': long(604_800_000, 'The longest lifetime of a delegation token, renewals included.', { min: 1 }),
  'delegation.token.expiry.time.ms': long(86_400_000, 'How long a delegation token is valid before it must be renewed.', { min: 1 }),
  'delegation.token.expiry.check.interval.ms': long(3_600_000, 'How often expired delegation tokens are looked for and removed.', {
    min: 1,
  }),
  'ssl.client.auth': text('none', 'Whether clients need a certificate. For SASL_SSL it must be set for the listener.', {
    oneOf: ['required', 'requested', 'none'],
  }),
  'ssl.principal.mapping.rules': text('DEFAULT', 'How the name of a client certificate becomes a principal.'),
  'ssl.protocol': text('TLSv1.3', 'Kafka uses it to choose the protocol; servers have those of ssl.enabled.protocols.'),
  'ssl.enabled.protocols': list('TLSv1.2,TLSv1.3', 'The versions of TLS.'),
  'ssl.cipher.suites': list('', 'The cipher suites, by the names of Java; empty for those of OpenSSL.'),
  'ssl.allow.dn.changes': bool(false, 'Whether a key store that is altered may have a certificate with another subject.'),
  'ssl.allow.san.changes': bool(false, 'Whether a key store that is altered may have a certificate for fewer hosts.'),
  'ssl.keystore.location': text(null, 'The file with the private key and the certificate of a listener.'),
  'ssl.keystore.type': text('JKS', 'The format of the key store: PEM, PKCS12 or JKS.'),
  'ssl.keystore.password': password('The password of the key store.'),
  'ssl.keystore.key': password('The private key in PEM, instead of a key store.'),
  'ssl.keystore.certificate.chain': password('The certificates of the private key in PEM.'),
  'ssl.key.password': password('The password of the private key.'),
  'ssl.truststore.location': text(null, 'The file with the authorities of client certificates.'),
  'ssl.truststore.type': text('JKS', 'The format of the trust store: PEM, PKCS12 or JKS.'),
  'ssl.truststore.password': password('The password of the trust store.'),
  'ssl.truststore.certificates': password('The authorities of client certificates in PEM, instead of a trust store.'),
}
