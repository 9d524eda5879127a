/**
 * Heartbeat, key 12. v1 adds throttleTimeMs; v3 adds groupInstanceId; v4 is flexible.
 */

import { int16, int32, nullable, since, string } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexible: 4,
  authorization: ['Read Group'],
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(3, nullable(string)),
  },
  response: {
    throttleTimeMs: since(1, int32),
    errorCode: int16,
  },
  handle(context) {
    const { request, broker, access } = context
    access.check('Read Group', request.groupId)
    return broker.groups.heartbeat(request, context)
  },
})
