/**
 * JoinGroup, key 11. v1 adds rebalanceTimeoutMs; v2 adds throttleTimeMs; v5 adds groupInstanceId; v6 is flexible; v7 adds protocolType;
 * v8 adds reason; v9 adds skipAssignment.
 */

import { bool, bytes, int16, int32, list, nullable, optional, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexible: 6,
  authorization: ['Read Group'],
  request: {
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: since(1, int32, -1),
    memberId: string,
    groupInstanceId: since(5, nullable(string)),
    protocolType: string,
    protocols: list(
      struct({
        name: string,
        metadata: bytes,
      }),
    ),
    reason: since(8, nullable(string)),
  },
  response: {
    throttleTimeMs: since(2, int32),
    errorCode: int16,
    generationId: optional(int32, -1),
    protocolType: since(7, nullable(string)),
    protocolName: nullable(string, 7),
    leader: string,
    skipAssignment: since(9, bool),
    memberId: string,
    members: list(
      struct({
        memberId: string,
        groupInstanceId: since(5, nullable(string)),
        metadata: bytes,
      }),
    ),
  },
  handle(context) {
    const { request, broker, access } = context
    access.check('Read Group', request.groupId)
    return broker.groups.join(request, context)
  },
  errorResponse: (errorCode, _, version) => ({
    errorCode,
    protocolName: version < 7 ? '' : null,
    leader: '',
    memberId: '',
    members: [],
  }),
})
