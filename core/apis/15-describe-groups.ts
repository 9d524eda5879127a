/**
 * DescribeGroups, key 15. v1 adds throttleTimeMs; v3 adds includeAuthorizedOperations, authorizedOperations; v4 adds groupInstanceId; v5
 * is flexible; v6 adds errorMessage.
 */

import { bool, bytes, int16, int32, list, nullable, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexible: 5,
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
        authorizedOperations: since(3, int32, -2147483648),
      }),
    ),
  },
  handle: (context) => context.broker.groups.describe(context.request, context),
  errorResponse: (errorCode, { groups }) => ({
    groups: groups.map((groupId) => ({ errorCode, groupId, groupState: '', protocolType: '', protocolData: '', members: [] })),
  }),
})
