/**
 * The login of the REST API: Kafka Connect's BasicAuthSecurityRestExtension with the users of its PropertyFileLoginModule, which the entry
 * KafkaConnect of the JAAS file names. Several login modules are alternatives, as in Java, where this module never refuses for good.
 */
import { KafkaError } from '../../core/errors.ts'
import { type RestLoginEntry, restLoginModules } from '../../core/security/sasl/jaas-context.ts'
import type { SystemProperties } from '../../core/security/sasl/types.ts'
import type { System } from '../../core/system/index.ts'
import { basicCredentials } from './basic-credentials.ts'
import { FAILED_LOGIN_BURST, FailedLogins } from './failed-logins.ts'
import { PropertyFileUsers } from './property-file-users.ts'

/** At most one line in this time says that logins are refused unseen. */
const WARN_MS = 60_000

export type LoginResult = 'accepted' | 'refused' | 'blocked'

export class RestLogin {
  readonly #users: readonly PropertyFileUsers[]
  readonly #failed = new FailedLogins()
  readonly #system: Pick<System, 'clock' | 'logger'>
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor(users: readonly PropertyFileUsers[], system: Pick<System, 'clock' | 'logger'>) {
    this.#users = users
    this.#system = system
  }

  /** `address` is that of the client. A request that is blocked was not compared: its password may be right. */
  check(authorization: string | undefined, address: string): LoginResult {
    const credentials = basicCredentials(authorization)
    if (credentials === null) return 'refused'
    const { user, password } = credentials
    const now = this.#system.clock.monotonic()
    if (this.#failed.isBlocked(user, address, now)) {
      this.#warn(address, now)
      return 'blocked'
    }
    // Each file is compared with, so that the time does not tell which one has the user.
    if (this.#users.filter((users) => users.isPassword(user, password)).length > 0) return 'accepted'
    this.#failed.add(user, address, now)
    return 'refused'
  }

  #warn(address: string, now: number): void {
    if (now - this.#warnedAt < WARN_MS) return
    this.#warnedAt = now
    const sentence = `more than ${FAILED_LOGIN_BURST} logins of a user at the REST API have failed: further ones from there are refused for a while`
    this.#system.logger.warn({ client: address }, sentence)
  }
}

/** Which entry of the JAAS file has the users, and how their passwords are read; those of Kafka Connect where it is not given. */
export interface RestLoginRules {
  readonly entry: RestLoginEntry
  passwordOf(value: string, user: string): string | null
}

/** The login that the JAAS file of `java.security.auth.login.config` describes. @throws KafkaError INVALID_CONFIG. */
export function openRestLogin(systemProperties: SystemProperties, system: System, rules?: RestLoginRules): RestLogin {
  const users = restLoginModules(system.disk, systemProperties, rules?.entry).map(({ className, options }) => {
    const file = options.get('file')
    if (!file?.trim())
      throw new KafkaError('INVALID_CONFIG', `Property Credentials file must be specified: add file="…" to ${className} in the JAAS file`)
    return new PropertyFileUsers(file, system, rules?.passwordOf)
  })
  return new RestLogin(users, system)
}
