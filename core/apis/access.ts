/**
 * What the client of a request may do, as the handler of the request asks. A handler may ask only for what its API declares in
 * `authorization`: so the declarations are the table of all that is asked. Without an authorizer everything is allowed.
 */
import { type ErrorName, invariant, KafkaError } from '../errors.ts'
import { type Authorizer, CLUSTER_NAME, constantName, type Operation, type Requester, type ResourceType } from '../security/authorizer.ts'
import { bitsOf, type DescribedResourceType, supportedOperations } from './authorized-operations.ts'

/** An operation on a type of resources: `Write Topic`. */
export type Requirement = `${Operation} ${ResourceType}`

/** What the audit log gets. */
export interface AuditOptions {
  /** How many parts of the request depend on the answer; 1 unless told. */
  readonly references?: number
  /** Both are true unless told. */
  readonly logIfAllowed?: boolean
  readonly logIfDenied?: boolean
}

export interface Access {
  /** The name of the only cluster may be omitted. */
  allows(requirement: Requirement, resourceName?: string, audit?: AuditOptions): boolean
  /** Those of `resourceNames` that are allowed. Each is asked for once. */
  allowed(requirement: Requirement, resourceNames: Iterable<string>, audit?: AuditOptions): ReadonlySet<string>
  /** @throws KafkaError CLUSTER_AUTHORIZATION_FAILED, TOPIC_AUTHORIZATION_FAILED and so on. */
  check(requirement: Requirement, resourceName?: string): void
  /** Whether the operation is allowed on some resource of the type. */
  allowsAny(requirement: Requirement): boolean
  /** The bits of the operations that are allowed on a resource. They need no declaration. */
  operations(resourceType: DescribedResourceType, resourceName?: string): number
}

export const deniedErrors: Readonly<Record<ResourceType, ErrorName>> = {
  Topic: 'TOPIC_AUTHORIZATION_FAILED',
  Group: 'GROUP_AUTHORIZATION_FAILED',
  Cluster: 'CLUSTER_AUTHORIZATION_FAILED',
  TransactionalId: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  DelegationToken: 'DELEGATION_TOKEN_AUTHORIZATION_FAILED',
  User: 'CLUSTER_AUTHORIZATION_FAILED',
}

/** With the words that Kafka has for it. */
export const deniedError = (resourceType: 'Topic' | 'Group' | 'Cluster'): KafkaError =>
  new KafkaError(deniedErrors[resourceType], `${resourceType} authorization failed.`)

/** Who may create topics of any name needs no permission for each. */
export const creatableTopics = (access: Access, names: readonly string[]): ReadonlySet<string> =>
  access.allows('Create Cluster', undefined, { logIfDenied: false }) ? new Set(names) : access.allowed('Create Topic', names)

/** Without an authorizer. */
export const unrestricted: Access = {
  allows: () => true,
  allowed: (_, resourceNames) => new Set(resourceNames),
  check: () => {},
  allowsAny: () => true,
  operations: (resourceType) => bitsOf(supportedOperations[resourceType]),
}

export interface AuthorizedApi {
  readonly name: string
  readonly authorization: readonly Requirement[]
}

export class AuthorizedAccess implements Access {
  readonly #authorizer: Authorizer
  readonly #requester: Requester
  readonly #api: AuthorizedApi

  constructor(authorizer: Authorizer, requester: Requester, api: AuthorizedApi) {
    this.#authorizer = authorizer
    this.#requester = requester
    this.#api = api
  }

  allows(requirement: Requirement, resourceName = CLUSTER_NAME, audit: AuditOptions = {}): boolean {
    this.#declared(requirement)
    return this.#authorize(requirement, resourceName, audit.references ?? 1, audit)
  }

  allowed(requirement: Requirement, resourceNames: Iterable<string>, audit: AuditOptions = {}): ReadonlySet<string> {
    this.#declared(requirement)
    const counts = new Map<string, number>()
    for (const name of resourceNames) counts.set(name, (counts.get(name) ?? 0) + 1)
    const allowed = new Set<string>()
    for (const [name, count] of counts) if (this.#authorize(requirement, name, count, audit)) allowed.add(name)
    return allowed
  }

  check(requirement: Requirement, resourceName = CLUSTER_NAME): void {
    if (this.allows(requirement, resourceName)) return
    const { operation, resourceType } = partsOf(requirement)
    const error = deniedErrors[resourceType]
    const needs = `Request ${this.#api.name} needs ${constantName(operation)} permission.`
    throw new KafkaError(error, resourceType === 'Cluster' ? needs : error)
  }

  allowsAny(requirement: Requirement): boolean {
    this.#declared(requirement)
    const { operation, resourceType } = partsOf(requirement)
    return this.#authorizer.authorizeByResourceType(this.#requester, operation, resourceType, this.#api.name)
  }

  operations(resourceType: DescribedResourceType, resourceName = CLUSTER_NAME): number {
    const quiet = { logIfAllowed: false, logIfDenied: false }
    return bitsOf(
      supportedOperations[resourceType].filter((operation) => this.#authorize(`${operation} ${resourceType}`, resourceName, 1, quiet)),
    )
  }

  #authorize(requirement: Requirement, resourceName: string, resourceReferenceCount: number, audit: AuditOptions): boolean {
    const { logIfAllowed = true, logIfDenied = true } = audit
    const { operation, resourceType } = partsOf(requirement)
    const { name: api } = this.#api
    const action = { operation, resourceType, resourceName, api, resourceReferenceCount, logIfAllowed, logIfDenied }
    return this.#authorizer.authorize(this.#requester, action)
  }

  #declared(requirement: Requirement): void {
    invariant(this.#api.authorization.includes(requirement), `${this.#api.name} asks for ${requirement}, and does not declare it`)
  }
}

interface Parts {
  readonly operation: Operation
  readonly resourceType: ResourceType
}

const parts = new Map<Requirement, Parts>()

/** There are as many as pairs of operation and type. */
function partsOf(requirement: Requirement): Parts {
  let found = parts.get(requirement)
  if (!found) {
    const [operation, resourceType] = requirement.split(' ') as [Operation, ResourceType]
    found = { operation, resourceType }
    parts.set(requirement, found)
  }
  return found
}
