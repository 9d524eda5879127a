/**
 * Subscription and assignment of the members of a `consumer` group, inside JoinGroup and SyncGroup. An int16 version comes first.
 */
import { defineStruct } from '../struct.ts'
import { bytes, int32, list, nullable, optional, since, string, struct } from '../types.ts'

/** ConsumerProtocolSubscription, versions 0 to 3. */
export const consumerSubscription = defineStruct({
  versions: [0, 3],
  flexible: null,
  fields: {
    topics: list(string),
    userData: optional(nullable(bytes)),
    ownedPartitions: since(
      1,
      list(
        struct({
          topic: string,
          partitions: list(int32),
        }),
      ),
    ),
    generationId: since(2, int32, -1),
    rackId: since(3, nullable(string)),
  },
})

/** ConsumerProtocolAssignment, versions 0 to 3. */
export const consumerAssignment = defineStruct({
  versions: [0, 3],
  flexible: null,
  fields: {
    assignedPartitions: list(
      struct({
        topic: string,
        partitions: list(int32),
      }),
    ),
    userData: optional(nullable(bytes)),
  },
})
