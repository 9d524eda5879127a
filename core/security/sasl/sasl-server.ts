/**
 * The SASL server of one mechanism of a listener, by its settings. A listener whose clients could not be checked does not start: an
 * OAUTHBEARER listener must say how it validates tokens.
 */

import type { LoginModule } from './jaas-config.ts'
import { OAUTHBEARER_LOGIN_MODULE, PLAIN_LOGIN_MODULE, serverLoginModules } from './jaas-context.ts'
import { OAuthBearerServer, type TokenValidator } from './oauthbearer-server.ts'
import { PlainServer } from './plain-server.ts'
import { classSetting, invalidSaslConfig, type SaslSettings } from './sasl-settings.ts'
import { ScramServer } from './scram-server.ts'
import type { SaslMechanism, SaslServer, SaslSystem, ScramUsers, SystemProperties } from './types.ts'
import { unsecuredRules, validateUnsecured } from './unsecured-token.ts'

const PACKAGE = 'org.apache.kafka.common.security.oauthbearer'
const UNSECURED_VALIDATOR = `${PACKAGE}.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
/** The second is the name that it had before Kafka 4.0. */
const securedValidators = [`${PACKAGE}.OAuthBearerValidatorCallbackHandler`, `${PACKAGE}.secured.OAuthBearerValidatorCallbackHandler`]
const HANDLER = 'sasl.server.callback.handler.class'
const USER_PREFIX = 'user_'

export interface SaslServerOptions {
  readonly mechanism: SaslMechanism
  /** The name of the listener: a JAAS file may have an entry of its own for it. */
  readonly listener: string
  /** Those of the mechanism on the listener, without `listener.name.NAME.MECHANISM.`; for the rest those of the broker. */
  readonly settings: SaslSettings
  readonly users: ScramUsers
  readonly system: SaslSystem
  readonly properties: SystemProperties
}

/** Throws KafkaError INVALID_CONFIG where the settings are wrong, SaslError where the keys of an OAuth provider cannot be read. */
export async function createSaslServer(options: SaslServerOptions): Promise<SaslServer> {
  const { mechanism, listener, settings, users, system, properties } = options
  const modules = serverLoginModules(listener, settings['sasl.jaas.config'], system.disk, properties)
  if (mechanism === 'OAUTHBEARER') return new OAuthBearerServer(await tokenValidator(options, modules))
  classSetting(settings, HANDLER, [])
  if (mechanism !== 'PLAIN') return new ScramServer(mechanism, users, system.random)
  if (!modules.some(({ className }) => className === PLAIN_LOGIN_MODULE))
    throw invalidSaslConfig(
      `PLAIN on the listener ${listener} needs the login module ${PLAIN_LOGIN_MODULE}, with user_NAME="PASSWORD" for each user`,
    )
  return new PlainServer(plainUsers(modules), system.random)
}

/** The first module with a user counts, as in Kafka. */
function plainUsers(modules: readonly LoginModule[]): Map<string, string> {
  const users = new Map<string, string>()
  for (const { className, options } of modules) {
    if (className !== PLAIN_LOGIN_MODULE) continue
    for (const [key, password] of options) {
      const user = key.startsWith(USER_PREFIX) ? key.slice(USER_PREFIX.length) : ''
      if (user !== '' && !users.has(user)) users.set(user, password)
    }
  }
  return users
}

async function tokenValidator(options: SaslServerOptions, modules: readonly LoginModule[]): Promise<TokenValidator> {
  const { listener, settings, system, properties } = options
  const module = modules.find(({ className }) => className === OAUTHBEARER_LOGIN_MODULE)
  if (!module || modules.length !== 1)
    throw invalidSaslConfig(`OAUTHBEARER on the listener ${listener} needs exactly one login module, ${OAUTHBEARER_LOGIN_MODULE}`)
  const handler = classSetting(settings, HANDLER, [...securedValidators, UNSECURED_VALIDATOR])
  if (handler === null)
    throw invalidSaslConfig(
      `OAUTHBEARER on the listener ${listener} needs ${HANDLER}: ${securedValidators[0]} with sasl.oauthbearer.jwks.endpoint.url, or ${UNSECURED_VALIDATOR}, which accepts tokens that anybody can make`,
    )
  if (handler !== UNSECURED_VALIDATOR) {
    // Only these listeners need the library.
    const { openJwtValidator } = await import('./jwt-validator.ts')
    return openJwtValidator(settings, module.options, system, properties)
  }
  const rules = unsecuredRules(module.options)
  return { validate: async (token) => validateUnsecured(token, rules, system.clock.now()), close() {} }
}
