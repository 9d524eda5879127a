/**
 * DescribeGroups, key 15. v1 adds throttleTimeMs; v3 adds includeAuthorizedOperations, authorizedOperations; v4 adds groupInstanceId; v5
 * is flexible; v6 adds errorMessage.
 */
import { errorCode } from '../errors.ts'
import { bool, bytes, int16, int32, list, nullable, since, string, struct } from '../wire/types.ts'
import { NOT_INCLUDED } from './authorized-operations.ts'
import { defineApi } from './define-api.ts'

const failed = (groupId: string, code: number) => ({
  errorCode: code,
  groupId,
  groupState: '',
  protocolType: '',
  protocolData: '',
  members: [],
})

export default defineApi({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexible: 5,
  authorization: ['Describe Group'],
  request: {
    groups: list(string),
    includeAuthorizedOperations: since(3, bool),
  },
  response: {
    throttleTimeMs: since(1, int32),
    groups: list(
      struct({
        errorCode: int16,
        errorMessage: since(6, nullable(string)),
        groupId: string,
        groupState: string,
        protocolType: string,
        protocolData: string,
        members: list(
          struct({
            memberId: string,
            groupInstanceId: since(4, nullable(string)),
            clientId: string,
            clientHost: string,
            memberMetadata: bytes,
            memberAssignment: bytes,
          }),
        ),
        authorizedOperations: since(3, int32, NOT_INCLUDED),
      }),
    ),
  },
  async handle(context) {
    const { request, broker, access } = context
    const allowed = access.allowed('Describe Group', request.groups)
    const denied = request.groups.filter((groupId) => !allowed.has(groupId))
    const described = await broker.groups.describe({ groups: request.groups.filter((groupId) => allowed.has(groupId)) }, context)
    const operationsOf = ({ errorCode, groupId }: { errorCode: number; groupId: string }) =>
      request.includeAuthorizedOperations && errorCode === 0 ? access.operations('Group', groupId) : NOT_INCLUDED
    return {
      groups: [
        ...denied.map((groupId) => failed(groupId, errorCode('GROUP_AUTHORIZATION_FAILED'))),
        ...described.groups.map((group) => ({ ...group, authorizedOperations: operationsOf(group) })),
      ],
    }
  },
  errorResponse: (errorCode, { groups }) => ({
    groups: groups.map((groupId) => failed(groupId, errorCode)),
  }),
})
