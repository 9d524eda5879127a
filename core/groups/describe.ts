/**
 * The responses of DescribeGroups and ListGroups, from the state of the groups. A group that does not exist is `Dead`, and from v6 on an
 * error, as in Kafka.
 */
import { type ErrorName, errorCode } from '../errors.ts'
import { type Group, metadataOf } from './group.ts'
import type { DescribedMember, DescribeRequest, DescribeResponse, ListRequest, ListResponse } from './types.ts'

const EMPTY = Buffer.alloc(0)

export async function describeGroups(
  request: DescribeRequest,
  version: number,
  lookup: (group: string) => Promise<Group | null | ErrorName>,
): Promise<DescribeResponse> {
  const groups = await Promise.all(
    request.groups.map(async (groupId) => {
      const group = await lookup(groupId)
      const empty = { groupId, protocolType: '', protocolData: '', members: [] as DescribedMember[] }
      if (typeof group === 'string') return { ...empty, errorCode: errorCode(group), errorMessage: null, groupState: '' }
      if (group === null) {
        const reportsMissing = version >= 6
        return {
          ...empty,
          errorCode: reportsMissing ? errorCode('GROUP_ID_NOT_FOUND') : 0,
          errorMessage: reportsMissing ? `Group ${groupId} not found.` : null,
          groupState: 'Dead',
        }
      }
      const stable = group.state === 'Stable'
      return {
        errorCode: 0,
        errorMessage: null,
        groupId,
        groupState: group.state,
        protocolType: group.protocolType ?? '',
        protocolData: stable ? (group.protocol ?? '') : '',
        members: [...group.members.values()].map((member) => ({
          memberId: member.id,
          groupInstanceId: member.instanceId,
          clientId: member.clientId,
          clientHost: member.clientHost,
          memberMetadata: stable ? metadataOf(member, group.protocol) : EMPTY,
          memberAssignment: stable ? member.assignment : EMPTY,
        })),
      }
    }),
  )
  return { groups }
}

export function listGroups(request: ListRequest, groups: readonly Group[]): ListResponse['groups'] {
  const states = new Set(request.statesFilter.map((state) => state.toLowerCase()))
  const types = new Set(request.typesFilter.map((type) => type.toLowerCase()))
  if (types.size > 0 && !types.has('classic')) return []
  return groups
    .filter((group) => states.size === 0 || states.has(group.state.toLowerCase()))
    .map((group) => ({ groupId: group.id, protocolType: group.protocolType ?? '', groupState: group.state, groupType: 'classic' }))
}
