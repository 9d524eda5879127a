/**
 * The SASL client of a Kafka client, by the client's settings: mechanism, login module, callback handlers. What cannot work is refused
 * here, before a connection is made.
 */
import type { LoginModule } from './jaas-config.ts'
import { clientLoginModule, OAUTHBEARER_LOGIN_MODULE, SCRAM_LOGIN_MODULE } from './jaas-context.ts'
import { OAuthBearerClientExchange } from './oauthbearer-client.ts'
import { PlainClientExchange } from './plain-client.ts'
import { classSetting, invalidSaslConfig, type SaslSettings, textSetting } from './sasl-settings.ts'
import { ScramClientExchange } from './scram-client.ts'
import { isScramMechanism } from './scram-mechanism.ts'
import { TokenLogin } from './token-login.ts'
import { refreshSettings } from './token-refresh.ts'
import { tokenAccess } from './token-source.ts'
import {
  type SaslClient,
  type SaslClientExchange,
  type SaslMechanism,
  type SaslSystem,
  type SystemProperties,
  saslMechanisms,
} from './types.ts'

/** Mechanisms of other systems, and what to do instead. */
const others: Readonly<Record<string, string>> = {
  GSSAPI: 'Kerberos is not supported: set sasl.mechanism to PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER',
  AWS_MSK_IAM: 'IAM is not supported: use SCRAM-SHA-512 with a secret of AWS Secrets Manager that is associated with the cluster',
}

/** Throws where `sasl.mechanism` is none that Tributary has. */
export function saslMechanismOf(name: string): SaslMechanism {
  const mechanism = saslMechanisms.find((candidate) => candidate === name)
  if (mechanism) return mechanism
  const why = Object.hasOwn(others, name) ? others[name] : `the mechanism must be one of ${saslMechanisms.join(', ')}`
  throw invalidSaslConfig(`Invalid value ${name} for configuration sasl.mechanism: ${why}`)
}

/**
 * `settings` are those of one client. `properties` are those of the process: a connector must not set them. Throws KafkaError
 * INVALID_CONFIG.
 */
export function createSaslClient(settings: SaslSettings, system: SaslSystem, properties: SystemProperties = {}): SaslClient {
  const mechanism = saslMechanismOf(textSetting(settings, 'sasl.mechanism') ?? 'GSSAPI')
  classSetting(settings, 'sasl.client.callback.handler.class', [])
  classSetting(settings, 'sasl.login.class', [])
  const login = clientLoginModule(settings['sasl.jaas.config'], system.disk, properties)
  if ((mechanism === 'OAUTHBEARER') !== (login.className === OAUTHBEARER_LOGIN_MODULE))
    throw invalidSaslConfig(`The login module ${login.className} is not for sasl.mechanism=${mechanism}: name the module of the mechanism`)
  if (mechanism === 'OAUTHBEARER') return oauthBearerClient(settings, login, system, properties)
  classSetting(settings, 'sasl.login.callback.handler.class', [])
  const user = optionOf(login, 'username')
  const password = optionOf(login, 'password')
  const isToken = login.className === SCRAM_LOGIN_MODULE && login.options.get('tokenauth')?.toLowerCase() === 'true'
  return {
    mechanism,
    exchange: (): SaslClientExchange =>
      isScramMechanism(mechanism)
        ? new ScramClientExchange(mechanism, { user, password, isToken }, system.random)
        : new PlainClientExchange(user, password),
    credentialsEndMs: () => null,
    close() {},
  }
}

function optionOf(login: LoginModule, name: 'username' | 'password'): string {
  const value = login.options.get(name)
  // PLAIN separates its fields by NUL.
  if (!value || value.includes('\0'))
    throw invalidSaslConfig(`Could not login: the JAAS option ${name} of ${login.className} is missing, empty or has a NUL`)
  return value
}

function oauthBearerClient(settings: SaslSettings, module: LoginModule, system: SaslSystem, properties: SystemProperties): SaslClient {
  const { source, extensions } = tokenAccess(settings, module, system, properties)
  const login = new TokenLogin(source, refreshSettings(settings), system)
  const token = async () => (await login.token()).value
  return {
    mechanism: 'OAUTHBEARER',
    exchange: () => new OAuthBearerClientExchange(token, extensions),
    credentialsEndMs: () => login.endMs(),
    close: () => login.close(),
  }
}
