/**
 * Decides by the access control lists of the metadata log, as Kafka's StandardAuthorizer: super users first, then the entries of the
 * resource. It holds an index of them, which follows each change before its request is answered.
 */
import type { Clock } from '../../system/clock.ts'
import type { Logger } from '../../system/logger.ts'
import {
  type Action,
  type Authorizer,
  aclOperations,
  type Operation,
  type Requester,
  type ResourceType,
  resourceTypes,
} from '../authorizer.ts'
import type { AclChange, StoredAcl } from './acl.ts'
import { AclIndex } from './acl-index.ts'
import { AuditLog } from './audit-log.ts'
import type { AuthorizerCounters } from './authorizer-metrics.ts'
import { DEFAULT_ALLOW, DEFAULT_DENY, decide, type Rule, SUPER_USER } from './decision.ts'
import { DecisionCache } from './decision-cache.ts'
import { javaAddress } from './java-address.ts'
import { allowsSomeResource } from './resource-type-decision.ts'
import { superUsersOf } from './super-users.ts'

/** Where the entries come from. */
export interface AclSource {
  all(): Iterable<StoredAcl>
  onChanged(listener: (change: AclChange) => void): void
}

export interface AuthorizerSettings {
  readonly superUsers: string
  readonly allowEveryoneIfNoAclFound: boolean
}

export class StandardAuthorizer implements Authorizer {
  readonly #index = new AclIndex()
  readonly #cache = new DecisionCache<Rule>()
  /** Those about a type of resources, by an empty name. */
  readonly #typeCache = new DecisionCache<boolean>()
  readonly #superUsers: ReadonlySet<string>
  /** Where a resource has no entries. */
  readonly #withoutAcls: Rule
  readonly #audit: AuditLog
  #allowed = 0
  #denied = 0
  #entries = 0

  constructor(source: AclSource, settings: AuthorizerSettings, { logger, clock }: { logger: Logger; clock: Clock }) {
    this.#superUsers = superUsersOf(settings.superUsers)
    this.#withoutAcls = settings.allowEveryoneIfNoAclFound ? DEFAULT_ALLOW : DEFAULT_DENY
    this.#audit = new AuditLog(logger, clock)
    for (const acl of source.all()) {
      this.#index.add(acl)
      this.#entries++
    }
    source.onChanged(({ created, deleted }) => {
      for (const acl of created) this.#index.add(acl)
      for (const acl of deleted) this.#index.remove(acl)
      this.#entries += created.length - deleted.length
      this.#cache.clear()
      this.#typeCache.clear()
    })
  }

  authorize({ principal, host }: Requester, action: Action): boolean {
    const rule = this.#superUsers.has(principal) ? SUPER_USER : this.#decide(principal, host, action)
    if (rule.isAllowed && action.logIfAllowed) this.#allowed++
    else if (!rule.isAllowed && action.logIfDenied) this.#denied++
    this.#audit.decided(principal, host, action, rule)
    return rule.isAllowed
  }

  authorizeByResourceType(requester: Requester, operation: Operation, resourceType: ResourceType, api: string): boolean {
    const { principal, host } = requester
    // As Kafka, which asks for a resource of this name first: of a super user, and where everyone is allowed without entries.
    const resourceName = 'hardcode'
    const isAllowed = this.authorize(requester, {
      operation,
      resourceType,
      resourceName,
      api,
      resourceReferenceCount: 0,
      logIfAllowed: true,
      logIfDenied: false,
    })
    if (isAllowed) return true
    const codes = { operation: aclOperations[operation], resourceType: resourceTypes[resourceType] }
    const known = this.#typeCache.get(principal, host, codes.operation, codes.resourceType, '')
    if (known !== undefined) return known
    const allows = allowsSomeResource(this.#index, { ...codes, principal, host: javaAddress(host) })
    this.#typeCache.set(principal, host, codes.operation, codes.resourceType, '', allows)
    return allows
  }

  /** At this moment. */
  get counters(): AuthorizerCounters {
    return { allowed: this.#allowed, denied: this.#denied, entries: this.#entries, linesLeftOut: this.#audit.leftOut }
  }

  close(): void {
    this.#audit.close()
  }

  #decide(principal: string, host: string, action: Action): Rule {
    const { resourceName } = action
    const operation = aclOperations[action.operation]
    const resourceType = resourceTypes[action.resourceType]
    const known = this.#cache.get(principal, host, operation, resourceType, resourceName)
    if (known) return known
    const question = { operation, resourceType, resourceName, principal, host: javaAddress(host) }
    const rule = decide(this.#index, question, this.#withoutAcls)
    this.#cache.set(principal, host, operation, resourceType, resourceName, rule)
    return rule
  }
}
