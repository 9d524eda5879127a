/**
 * The settings of a broker with a listener of each kind, on free ports, and what its clients need: certificates of an authority that the
 * test makes, users of PLAIN in the file, users of SCRAM that a test adds. SESSION is one of SASL_PLAINTEXT, for sessions with an end.
 * Ports are in the order of `securedListeners`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned, type TestCertificate } from './certificates.ts'

export const securedListeners = ['PLAINTEXT', 'SASL_PLAINTEXT', 'SSL', 'SASL_SSL', 'MTLS', 'SESSION'] as const
export type SecuredListener = (typeof securedListeners)[number]

export interface SecuredListeners {
  readonly folder: string
  readonly properties: Readonly<Record<string, string>>
  readonly authority: TestCertificate
  /** PEM. */
  readonly caFile: string
  /** CN=client,O=Acme, PEM: key and certificate. */
  readonly client: TestCertificate
  readonly clientFile: string
  /** A key store in PEM. */
  write(name: string, certificate: TestCertificate): string
  remove(): void
}

export const PLAIN_LOGIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule'

/** alice's password is alice-secret, bob's is bob-secret. */
export const plainUsers = `${PLAIN_LOGIN_MODULE} required user_alice="alice-secret" user_bob="bob-secret";`

export function securedListenersIn(ports: readonly number[] = securedListeners.map(() => 0)): SecuredListeners {
  const folder = mkdtempSync(join(tmpdir(), 'secured-'))
  const authority = selfSigned({ subject: 'Test Authority' })
  const server = authority.issue({ subject: 'broker', names: ['localhost', '127.0.0.1'] })
  const client = authority.issue({ subject: [[['2.5.4.10', 'Acme']], [['2.5.4.3', 'client']]] })
  const write = (name: string, { key, certificate }: TestCertificate) => {
    const file = join(folder, name)
    writeFileSync(file, key + certificate)
    return file
  }
  const keyFile = write('broker.pem', server)
  const clientFile = write('client.pem', client)
  const caFile = join(folder, 'ca.pem')
  writeFileSync(caFile, authority.certificate)
  const map = {
    PLAINTEXT: 'PLAINTEXT',
    SASL_PLAINTEXT: 'SASL_PLAINTEXT',
    SSL: 'SSL',
    SASL_SSL: 'SASL_SSL',
    MTLS: 'SSL',
    SESSION: 'SASL_PLAINTEXT',
  }
  const properties: Record<string, string> = {
    listeners: securedListeners.map((name, index) => `${name}://127.0.0.1:${ports[index]}`).join(','),
    'listener.security.protocol.map': [...Object.entries(map).map((pair) => pair.join(':')), 'CONTROLLER:PLAINTEXT'].join(','),
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keyFile,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': caFile,
    'listener.name.mtls.ssl.client.auth': 'required',
    'listener.name.mtls.ssl.principal.mapping.rules': 'RULE:^CN=([^,]*),O=(.*)$/$1@$2/L,DEFAULT',
  }
  for (const listener of ['sasl_plaintext', 'sasl_ssl', 'session']) {
    properties[`listener.name.${listener}.plain.sasl.jaas.config`] = plainUsers
    for (const mechanism of ['scram-sha-256', 'scram-sha-512'])
      properties[`listener.name.${listener}.${mechanism}.sasl.jaas.config`] =
        'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  }
  return {
    ...{ folder, properties, authority, caFile, client, clientFile, write },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
