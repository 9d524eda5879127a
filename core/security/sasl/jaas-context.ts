/**
 * Which login modules a client, a listener or the REST API has: of its `sasl.jaas.config`, else of the JAAS file that
 * `java.security.auth.login.config` names, as Kafka's JaasContext. Only modules that Tributary has are accepted: a class by name is how
 * CVE-2023-25194 and CVE-2025-27818 were possible.
 */
import { KafkaError } from '../../errors.ts'
import type { Disk } from '../../system/disk.ts'
import { type LoginModule, parseJaasConfig, parseJaasFile } from './jaas-config.ts'
import type { SystemProperties } from './types.ts'

export const PLAIN_LOGIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule'
export const SCRAM_LOGIN_MODULE = 'org.apache.kafka.common.security.scram.ScramLoginModule'
export const OAUTHBEARER_LOGIN_MODULE = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule'
/** Of Kafka Connect's BasicAuthSecurityRestExtension. */
export const PROPERTY_FILE_LOGIN_MODULE = 'org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule'

/** The entry of the JAAS file with the users of a REST API, and the login modules that it may have. */
export interface RestLoginEntry {
  readonly entry: string
  readonly classNames: readonly string[]
}

const CONNECT_LOGIN_ENTRY: RestLoginEntry = { entry: 'KafkaConnect', classNames: [PROPERTY_FILE_LOGIN_MODULE] }

const JAAS_FILE = 'java.security.auth.login.config'
const ALLOWED_LOGIN_MODULES = 'org.apache.kafka.allowed.login.modules'
/** Kafka's default for `org.apache.kafka.disallowed.login.modules`. */
const disallowed = ['com.sun.security.auth.module.JndiLoginModule', 'com.sun.security.auth.module.LdapLoginModule']
const known = [PLAIN_LOGIN_MODULE, SCRAM_LOGIN_MODULE, OAUTHBEARER_LOGIN_MODULE]

const invalid = (message: string): KafkaError => new KafkaError('INVALID_CONFIG', message)

function checkAllowed({ className }: LoginModule, properties: SystemProperties): void {
  const allowed = properties[ALLOWED_LOGIN_MODULES]?.split(',').map((name) => name.trim())
  if (allowed && !allowed.includes(className))
    throw invalid(`${className} is not allowed. Update System property '${ALLOWED_LOGIN_MODULES}' to allow ${className}`)
  if (!allowed && disallowed.includes(className))
    throw invalid(
      `${className} is not allowed. The system property 'org.apache.kafka.disallowed.login.modules' is deprecated. Use the ${ALLOWED_LOGIN_MODULES} to allow this module. e.g.,-D${ALLOWED_LOGIN_MODULES}=${className}`,
    )
  if (!known.includes(className))
    throw invalid(`The login module ${className} is not available: use one of ${known.map((name) => name.split('.').at(-1)).join(', ')}`)
}

function modulesOf(
  jaasConfig: string | undefined,
  entryNames: readonly string[],
  disk: Pick<Disk, 'readFile'>,
  properties: SystemProperties,
): LoginModule[] {
  if (jaasConfig !== undefined) {
    const modules = parseJaasConfig(jaasConfig)
    if (modules.length !== 1) throw invalid(`JAAS config property contains ${modules.length} login modules, should be 1 module`)
    return modules
  }
  const path = properties[JAAS_FILE]
  const file = path === undefined ? null : disk.readFile(path)
  const entries = file ? parseJaasFile(file.toString('utf8'), properties) : new Map<string, LoginModule[]>()
  for (const name of entryNames) if (entries.has(name)) return entries.get(name)!
  const [first, second] = [entryNames.at(-1), entryNames.length > 1 ? ` or '${entryNames[0]}'` : '']
  const given = path === undefined ? 'not set' : file ? path : `${path}, which does not exist`
  throw invalid(`Could not find a '${first}'${second} entry in the JAAS configuration. System property '${JAAS_FILE}' is ${given}`)
}

function contextOf(...given: Parameters<typeof modulesOf>): LoginModule[] {
  const modules = modulesOf(...given)
  for (const module of modules) checkAllowed(module, given[3])
  return modules
}

/** The one login module of a client. */
export function clientLoginModule(jaasConfig: string | undefined, disk: Pick<Disk, 'readFile'>, properties: SystemProperties): LoginModule {
  const modules = contextOf(jaasConfig, ['KafkaClient'], disk, properties)
  if (modules.length !== 1)
    throw invalid(`The entry 'KafkaClient' of the JAAS file has ${modules.length} login modules, should be 1 module`)
  return modules[0]!
}

/** The login modules of a listener. Without `jaasConfig`: of its own entry in the JAAS file, else of KafkaServer. */
export function serverLoginModules(
  listener: string,
  jaasConfig: string | undefined,
  disk: Pick<Disk, 'readFile'>,
  properties: SystemProperties,
): LoginModule[] {
  return contextOf(jaasConfig, [`${listener.toLowerCase()}.KafkaServer`, 'KafkaServer'], disk, properties)
}

/** The login modules of the REST API: the entry KafkaConnect of the JAAS file. Kafka Connect applies no list of allowed modules to it. */
export function restLoginModules(
  disk: Pick<Disk, 'readFile'>,
  properties: SystemProperties,
  { entry, classNames }: RestLoginEntry = CONNECT_LOGIN_ENTRY,
): LoginModule[] {
  if (properties[JAAS_FILE] === undefined)
    throw invalid(
      `Could not find a '${entry}' entry in the JAAS configuration. System property '${JAAS_FILE}' is not set: name the JAAS file in KAFKA_OPTS, as -D${JAAS_FILE}=FILE`,
    )
  const modules = modulesOf(undefined, [entry], disk, properties)
  const other = modules.find(({ className }) => !classNames.includes(className))
  if (other) throw invalid(`The login module ${other.className} is not available for the REST API: use ${classNames[0]}`)
  if (modules.length === 0) throw invalid(`The entry '${entry}' of the JAAS file has no login module`)
  return modules
}
