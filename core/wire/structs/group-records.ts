/**
 * Keys and values of `__consumer_offsets`. An int16 version comes first; a key's version is the type of the record (0 and 1 an offset
 * commit, 2 a group's metadata).
 */
import { defineStruct } from '../struct.ts'
import { between, bytes, int32, int64, list, nullable, since, string, struct, tagged, uuid } from '../types.ts'

/** OffsetCommitKey, versions 0 (before Kafka 0.9) and 1. */
export const offsetCommitKey = defineStruct({
  versions: [0, 1],
  flexible: null,
  fields: {
    group: string,
    topic: string,
    partition: int32,
  },
})

/** OffsetCommitValue, versions 0 to 4. */
export const offsetCommitValue = defineStruct({
  versions: [0, 4],
  flexible: 4,
  fields: {
    offset: int64,
    leaderEpoch: since(3, int32, -1),
    metadata: string,
    commitTimestamp: int64,
    expireTimestamp: between(1, 1, int64, -1),
    topicId: tagged(0, 4, uuid),
  },
})

/** GroupMetadataKey, version 2. */
export const groupMetadataKey = defineStruct({
  versions: [2, 2],
  flexible: null,
  fields: {
    group: string,
  },
})

/** GroupMetadataValue, versions 0 to 4. */
export const groupMetadataValue = defineStruct({
  versions: [0, 4],
  flexible: 4,
  fields: {
    protocolType: string,
    generation: int32,
    protocol: nullable(string),
    leader: nullable(string),
    currentStateTimestamp: since(2, int64, -1),
    members: list(
      struct({
        memberId: string,
        groupInstanceId: since(3, nullable(string)),
        clientId: string,
        clientHost: string,
        rebalanceTimeout: since(1, int32, -1),
        sessionTimeout: int32,
        subscription: bytes,
        assignment: bytes,
      }),
    ),
  },
})
