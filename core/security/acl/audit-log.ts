/**
 * The audit log: a line for each decision in Kafka's words, denied ones at INFO and allowed ones at DEBUG, from the logger of Kafka's name.
 * It is bounded: a client that is denied can ask as fast as it likes.
 */
import type { Clock, Timer } from '../../system/clock.ts'
import type { Logger } from '../../system/logger.ts'
import { type Action, aclOperations } from '../authorizer.ts'
import { operationName } from './acl.ts'
import { describeRule, type Rule } from './decision.ts'
import { javaAddress } from './java-address.ts'

export const AUDIT_LOGGER = 'kafka.authorizer.logger'

/** Of each level. What is left out is counted, and said once the second is over. Kafka has no limit: its log may fill the disk. */
export const MAX_CHARACTERS_PER_SECOND = 1_000_000
/** Of one principal: a flood of one client leaves room for the lines of others. */
export const MAX_CHARACTERS_OF_PRINCIPAL = MAX_CHARACTERS_PER_SECOND / 4
const SECOND_MS = 1000

const auditLine = (principal: string, host: string, action: Action, rule: Rule): string =>
  `Principal = ${principal} is ${rule.isAllowed ? 'Allowed' : 'Denied'} operation = ${operationName(aclOperations[action.operation])} ` +
  `from host = ${javaAddress(host)} on resource = ${action.resourceType}:LITERAL:${action.resourceName} for request = ${action.api} ` +
  `with resourceRefCount = ${action.resourceReferenceCount} based on rule ${describeRule(rule)}`

type Level = 'info' | 'debug'

/** The lines of one level in the second that began with the first of them. */
class BoundedLines {
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #level: Level
  /** In this second. */
  #characters = 0
  /** Each has a line at least, so that there are few. */
  readonly #byPrincipal = new Map<string, number>()
  #leftOut = 0
  /** In all. */
  leftOut = 0
  #timer: Timer | null = null

  constructor(logger: Logger, clock: Clock, level: Level) {
    this.#logger = logger
    this.#clock = clock
    this.#level = level
  }

  write(principal: string, line: () => string): void {
    this.#timer ??= this.#clock.after(SECOND_MS, () => this.end())
    const used = this.#byPrincipal.get(principal) ?? 0
    if (this.#characters >= MAX_CHARACTERS_PER_SECOND || used >= MAX_CHARACTERS_OF_PRINCIPAL) {
      this.#leftOut++
      this.leftOut++
      return
    }
    const text = line()
    this.#characters += text.length
    this.#byPrincipal.set(principal, used + text.length)
    this.#logger[this.#level]({}, text)
  }

  end(): void {
    this.#timer?.cancel()
    this.#timer = null
    if (this.#leftOut > 0)
      this.#logger[this.#level](
        { leftOut: this.#leftOut },
        `${this.#leftOut} decisions were left out of the audit log: it has up to ${MAX_CHARACTERS_PER_SECOND} characters in a second, and up to ${MAX_CHARACTERS_OF_PRINCIPAL} of one principal`,
      )
    this.#characters = 0
    this.#byPrincipal.clear()
    this.#leftOut = 0
  }
}

export class AuditLog {
  readonly #logger: Logger
  readonly #denied: BoundedLines
  readonly #allowed: BoundedLines

  constructor(parent: Logger, clock: Clock) {
    this.#logger = parent.child({ part: AUDIT_LOGGER })
    this.#denied = new BoundedLines(this.#logger, clock, 'info')
    this.#allowed = new BoundedLines(this.#logger, clock, 'debug')
  }

  /** `host` is that of the requester. Kafka writes what is not to be logged at TRACE, which does not exist here. */
  decided(principal: string, host: string, action: Action, rule: Rule): void {
    if (rule.isAllowed) {
      if (action.logIfAllowed && isEnabled(this.#logger, 'debug'))
        this.#allowed.write(principal, () => auditLine(principal, host, action, rule))
    } else if (action.logIfDenied && isEnabled(this.#logger, 'info'))
      this.#denied.write(principal, () => auditLine(principal, host, action, rule))
  }

  /** Decisions without a line, for want of room. */
  get leftOut(): number {
    return this.#denied.leftOut + this.#allowed.leftOut
  }

  close(): void {
    this.#denied.end()
    this.#allowed.end()
  }
}

const isEnabled = (logger: Logger, level: Level): boolean => logger.isLevelEnabled?.(level) ?? true
