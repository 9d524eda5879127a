/**
 * What a client may do with a resource, as bits of Kafka's AclOperation: all that the resource has, since nothing is forbidden here.
 */
export const ALL_CLUSTER_OPERATIONS = 8096
export const ALL_TOPIC_OPERATIONS = 3576
/** What is told to who did not ask. */
export const NOT_ASKED = -2147483648
