/**
 * The records of `__consumer_offsets`, in the versions that Kafka 4.3 writes: both brokers can read each other's topic. Records of newer
 * group protocols are read as unknown, not as errors.
 */
import type { UnknownRecord } from '../coordinator-log.ts'
import { groupMetadataKey, groupMetadataValue, offsetCommitKey, offsetCommitValue } from '../wire/structs/group-records.ts'
import { type Group, type Member, metadataOf, newGroup, restoredMember } from './group.ts'
import type { OffsetAndMetadata } from './offsets.ts'
import type { StoredRecord } from './types.ts'

const COMMIT_KEYS = 1
const GROUP_KEY = 2

const write = (key: Buffer, value: Buffer | null, timestamp: number): StoredRecord => ({ key, value, timestamp })

/** Version 1 is the only one with an expire timestamp; 3 is the newest that all brokers since 2.1 read. */
export const offsetCommitRecord = (group: string, topic: string, partition: number, commit: OffsetAndMetadata): StoredRecord =>
  write(
    offsetCommitKey.write({ group, topic, partition }),
    offsetCommitValue.write(
      {
        offset: commit.offset,
        leaderEpoch: commit.leaderEpoch,
        metadata: commit.metadata,
        commitTimestamp: commit.timestamp,
        expireTimestamp: commit.expireTimestamp ?? -1,
      },
      commit.expireTimestamp === null ? 3 : 1,
    ),
    commit.timestamp,
  )

export const offsetCommitTombstone = (group: string, topic: string, partition: number, timestamp: number): StoredRecord =>
  write(offsetCommitKey.write({ group, topic, partition }), null, timestamp)

export const groupMetadataRecord = (group: Group): StoredRecord =>
  write(
    groupMetadataKey.write({ group: group.id }),
    groupMetadataValue.write(
      {
        protocolType: group.protocolType ?? '',
        generation: group.generation,
        protocol: group.protocol,
        leader: group.leader,
        currentStateTimestamp: group.stateTimestamp,
        members: [...group.members.values()].map((member) => ({
          memberId: member.id,
          groupInstanceId: member.instanceId,
          clientId: member.clientId,
          clientHost: member.clientHost,
          rebalanceTimeout: member.rebalanceTimeoutMs,
          sessionTimeout: member.sessionTimeoutMs,
          subscription: metadataOf(member, group.protocol),
          assignment: member.assignment,
        })),
      },
      3,
    ),
    group.stateTimestamp,
  )

export const groupMetadataTombstone = (group: string, timestamp: number): StoredRecord =>
  write(groupMetadataKey.write({ group }), null, timestamp)

export type GroupRecord =
  | { kind: 'commit'; group: string; topic: string; partition: number; commit: OffsetAndMetadata | null }
  | { kind: 'group'; id: string; group: Group | null }
  /** Of a newer group protocol. */
  | UnknownRecord

/** Throws WireError for malformed bytes. */
export function readRecord({ key, value }: StoredRecord): GroupRecord {
  const keyVersion = key.length < 2 ? -1 : key.readInt16BE(0)
  if (keyVersion >= 0 && keyVersion <= COMMIT_KEYS) {
    const { group, topic, partition } = offsetCommitKey.read(key)
    if (value === null) return { kind: 'commit', group, topic, partition, commit: null }
    const { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp } = offsetCommitValue.read(value)
    const commit = {
      offset,
      leaderEpoch,
      metadata,
      timestamp: commitTimestamp,
      expireTimestamp: expireTimestamp < 0 ? null : expireTimestamp,
    }
    return { kind: 'commit', group, topic, partition, commit }
  }
  if (keyVersion !== GROUP_KEY) return { kind: 'unknown', version: keyVersion }
  const { group: id } = groupMetadataKey.read(key)
  return { kind: 'group', id, group: value === null ? null : readGroup(id, value) }
}

function readGroup(id: string, value: Buffer): Group {
  const stored = groupMetadataValue.read(value)
  const members = new Map<string, Member>()
  const staticMembers = new Map<string, string>()
  for (const member of stored.members) {
    members.set(
      member.memberId,
      restoredMember({
        id: member.memberId,
        instanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        sessionTimeoutMs: member.sessionTimeout,
        rebalanceTimeoutMs: member.rebalanceTimeout < 0 ? member.sessionTimeout : member.rebalanceTimeout,
        // A copy: the record may be part of a large read buffer.
        protocols: [{ name: stored.protocol ?? '', metadata: Buffer.from(member.subscription) }],
        assignment: Buffer.from(member.assignment),
      }),
    )
    if (member.groupInstanceId !== null) staticMembers.set(member.groupInstanceId, member.memberId)
  }
  return {
    ...newGroup(id, stored.currentStateTimestamp),
    state: members.size === 0 ? 'Empty' : 'Stable',
    generation: stored.generation,
    protocolType: stored.protocolType === '' ? null : stored.protocolType,
    protocol: stored.protocol,
    leader: stored.leader,
    members,
    staticMembers,
  }
}
