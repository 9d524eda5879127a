/**
 * Records of the metadata log about topics, partitions and configs. In PartitionChangeRecord null (or the default) is "unchanged": the
 * epochs are not in it, whoever reads it computes them.
 */
import { int8, int32, list, nullable, optional, since, string, tagged, uuid } from '../types.ts'
import { MINIMUM_METADATA_VERSION as ANY, defineRecord } from './define-record.ts'

/** `leader` of a PartitionChangeRecord that leaves the leader as it is. */
export const NO_LEADER_CHANGE = -2

const brokerIds = list(int32)
const PARTITION_SINCE = [ANY, 17, 23]

export const topicRecords = {
  TopicRecord: defineRecord(2, [ANY], { name: string, topicId: uuid }),
  PartitionRecord: defineRecord(3, PARTITION_SINCE, {
    partitionId: optional(int32, -1),
    topicId: uuid,
    replicas: brokerIds,
    isr: brokerIds,
    removingReplicas: optional(brokerIds),
    addingReplicas: optional(brokerIds),
    leader: optional(int32, -1),
    /** 1 while the leader recovers from an unclean election. */
    leaderRecoveryState: tagged(0, 0, int8),
    leaderEpoch: optional(int32, -1),
    partitionEpoch: optional(int32, -1),
    /** The directory of each replica, in the order of `replicas`. */
    directories: since(1, list(uuid)),
    eligibleLeaderReplicas: tagged(1, 2, nullable(brokerIds)),
    lastKnownElr: tagged(2, 2, nullable(brokerIds)),
  }),
  PartitionChangeRecord: defineRecord(5, PARTITION_SINCE, {
    partitionId: optional(int32, -1),
    topicId: uuid,
    isr: tagged(0, 0, nullable(brokerIds)),
    leader: tagged(1, 0, int32, NO_LEADER_CHANGE),
    replicas: tagged(2, 0, nullable(brokerIds)),
    removingReplicas: tagged(3, 0, nullable(brokerIds)),
    addingReplicas: tagged(4, 0, nullable(brokerIds)),
    leaderRecoveryState: tagged(5, 0, int8, -1),
    eligibleLeaderReplicas: tagged(6, 2, nullable(brokerIds)),
    lastKnownElr: tagged(7, 2, nullable(brokerIds)),
    directories: tagged(8, 1, nullable(list(uuid))),
  }),
  RemoveTopicRecord: defineRecord(9, [ANY], { topicId: uuid }),
  /** An empty name clears the eligible leader replicas of all topics. */
  ClearElrRecord: defineRecord(28, [23], { topicName: string }),
  /** `value` null removes the config. */
  ConfigRecord: defineRecord(4, [ANY], { resourceType: int8, resourceName: string, name: string, value: nullable(string) }),
}
