/**
 * The operations that a client may use on a resource, as bits of Kafka's AclOperation (KIP-430).
 */
import { aclOperations, type Operation } from '../security/authorizer.ts'

/** What can be allowed on a resource of each type that responses describe. */
export const supportedOperations = {
  Cluster: ['Create', 'Alter', 'Describe', 'ClusterAction', 'DescribeConfigs', 'AlterConfigs', 'IdempotentWrite'],
  Topic: ['Read', 'Write', 'Create', 'Delete', 'Alter', 'Describe', 'DescribeConfigs', 'AlterConfigs'],
  Group: ['Read', 'Delete', 'Describe', 'DescribeConfigs', 'AlterConfigs'],
} as const satisfies Record<string, readonly Operation[]>

export type DescribedResourceType = keyof typeof supportedOperations

export const bitsOf = (operations: readonly Operation[]): number =>
  operations.reduce((bits, operation) => bits | (1 << aclOperations[operation]), 0)

/** The value where the request does not include authorized operations. */
export const NOT_INCLUDED = -2147483648
