/**
 * LeaveGroup, key 13. v1 adds throttleTimeMs; v3 adds members, drops memberId; v4 is flexible; v5 adds reason.
 */

import { int16, int32, list, nullable, optional, since, string, struct, until } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexible: 4,
  authorization: ['Read Group'],
  request: {
    groupId: string,
    memberId: until(2, string),
    members: since(
      3,
      list(
        struct({
          memberId: string,
          groupInstanceId: optional(nullable(string)),
          reason: since(5, nullable(string)),
        }),
      ),
    ),
  },
  response: {
    throttleTimeMs: since(1, int32),
    errorCode: int16,
    members: since(
      3,
      list(
        struct({
          memberId: string,
          groupInstanceId: nullable(string),
          errorCode: int16,
        }),
      ),
    ),
  },
  handle(context) {
    const { request, broker, access } = context
    access.check('Read Group', request.groupId)
    return broker.groups.leave(request, context)
  },
})
