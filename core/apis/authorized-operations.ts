/**
 * The operations that a client may use on a resource, as bits of Kafka's AclOperation: all of them, since there are no ACLs.
 */
export const ALL_CLUSTER_OPERATIONS = 8096
export const ALL_TOPIC_OPERATIONS = 3576
/** The value where the request does not include authorized operations. */
export const NOT_INCLUDED = -2147483648
