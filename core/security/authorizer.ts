/**
 * Who may do what: the operations and resource types of Kafka's access control lists (KIP-11, KIP-290), and what decides about them. Types
 * and names only.
 */

/** AclOperation, by the names that Kafka's tools print. The order is that of their codes. */
export const aclOperations = {
  Any: 1,
  All: 2,
  Read: 3,
  Write: 4,
  Create: 5,
  Delete: 6,
  Alter: 7,
  Describe: 8,
  ClusterAction: 9,
  DescribeConfigs: 10,
  AlterConfigs: 11,
  IdempotentWrite: 12,
  CreateTokens: 13,
  DescribeTokens: 14,
  TwoPhaseCommit: 15,
} as const

/** ResourceType, by the names that Kafka's tools print. */
export const resourceTypes = {
  Any: 1,
  Topic: 2,
  Group: 3,
  Cluster: 4,
  TransactionalId: 5,
  DelegationToken: 6,
  User: 7,
} as const

/** Operations that a client can ask for: `Any` and `All` are for filters and entries. */
export type Operation = Exclude<keyof typeof aclOperations, 'Any' | 'All'>
export type ResourceType = Exclude<keyof typeof resourceTypes, 'Any'>

/** `DescribeConfigs` is `DESCRIBE_CONFIGS` in Kafka's messages. */
export const constantName = (name: string): string => name.replace(/(?<=.)[A-Z]/g, '_$&').toUpperCase()

/** The name of the only resource of the type Cluster. */
export const CLUSTER_NAME = 'kafka-cluster'

/** The client that a decision is about. */
export interface Requester {
  /** `User:alice`. */
  readonly principal: string
  /** As Kafka prints it: `/127.0.0.1`. */
  readonly host: string
}

/** One question, as it stands in the audit log. */
export interface Action {
  readonly operation: Operation
  readonly resourceType: ResourceType
  readonly resourceName: string
  /** The API that asks. */
  readonly api: string
  /** How many parts of the request depend on the answer. */
  readonly resourceReferenceCount: number
  readonly logIfAllowed: boolean
  readonly logIfDenied: boolean
}

export interface Authorizer {
  /** Decides about one resource, and writes the audit log. */
  authorize(requester: Requester, action: Action): boolean
  /** Whether the client may do `operation` on some resource of the type (KIP-679). */
  authorizeByResourceType(requester: Requester, operation: Operation, resourceType: ResourceType, api: string): boolean
}
