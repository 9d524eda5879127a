/**
 * What a client may do with a resource, as bits of Kafka's AclOperation: every operation of the resource, since there are no ACLs.
 */
export const ALL_CLUSTER_OPERATIONS = 8096
export const ALL_TOPIC_OPERATIONS = 3576
/** The value where the request does not include authorized operations. */
export const NOT_INCLUDED = -2147483648
