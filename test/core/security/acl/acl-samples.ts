/**
 * Random access control lists and questions about them, out of few names, so that they meet: literal, prefixed and wildcard patterns,
 * allowed and denied, for one user, another and everybody.
 */
import { type Acl, aclKey, patternTypes, permissionTypes, type StoredAcl } from '../../../../core/security/acl/acl.ts'
import { aclOperations, type Operation, type ResourceType, resourceTypes } from '../../../../core/security/authorizer.ts'

export interface Sample {
  readonly acls: readonly StoredAcl[]
  readonly questions: readonly SampleQuestion[]
}

export interface SampleQuestion {
  readonly principal: string
  readonly host: string
  readonly operation: Operation
  readonly resourceType: ResourceType
  readonly resourceName: string
}

const operations = Object.keys(aclOperations).filter((name) => name !== 'Any' && name !== 'All') as Operation[]
const types = Object.keys(resourceTypes).filter((name) => name !== 'Any') as ResourceType[]
const principals = ['User:alice', 'User:bob', 'User:*', 'Group:alice', 'User:CN=a,OU=b']
const hosts = ['127.0.0.1', '10.0.0.1', '0:0:0:0:0:0:0:1']

/** Fewer of them, so that entries and questions agree more often. */
const frequent = {
  types: ['Topic', 'Group'] as ResourceType[],
  operations: ['Read', 'Write', 'Describe', 'DescribeConfigs'] as Operation[],
}

export class Samples {
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #of<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!
  }

  #often<T>(few: readonly T[], all: readonly T[]): T {
    return this.#of(this.#below(4) > 0 ? few : all)
  }

  #name(): string {
    return Array.from({ length: 1 + this.#below(4) }, () => this.#of(['a', 'b', 'é'])).join('')
  }

  acl(): Acl {
    const isPrefixed = this.#below(2) === 0
    return {
      resourceType: resourceTypes[this.#often(frequent.types, types)],
      resourceName: this.#below(5) === 0 ? '*' : this.#name(),
      patternType: isPrefixed ? patternTypes.PREFIXED : patternTypes.LITERAL,
      principal: this.#of(principals),
      host: this.#of(['*', '*', ...hosts]),
      operation: this.#below(6) === 0 ? aclOperations.All : aclOperations[this.#often(frequent.operations, operations)],
      permissionType: this.#below(4) === 0 ? permissionTypes.DENY : permissionTypes.ALLOW,
    }
  }

  /** No two say the same. */
  acls(count: number): StoredAcl[] {
    const acls = new Map(Array.from({ length: count }, () => this.acl()).map((acl) => [aclKey(acl), acl]))
    return [...acls.values()].map((acl, index) => ({ ...acl, id: `acl-${index}` }))
  }

  question(): SampleQuestion {
    return {
      principal: this.#of(principals.filter((principal) => principal !== 'User:*')),
      host: this.#of(hosts),
      operation: this.#often(frequent.operations, operations),
      resourceType: this.#often(frequent.types, types),
      resourceName: this.#name(),
    }
  }

  sample(acls: number, questions: number): Sample {
    return { acls: this.acls(acls), questions: Array.from({ length: questions }, () => this.question()) }
  }
}
