/**
 * SyncGroup, key 14. v1 adds throttleTimeMs; v3 adds groupInstanceId; v4 is flexible; v5 adds protocolType, protocolName.
 */
import { KafkaError } from '../errors.ts'
import { bytes, int16, int32, list, nullable, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexible: 4,
  authorization: ['Read Group'],
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(3, nullable(string)),
    protocolType: since(5, nullable(string)),
    protocolName: since(5, nullable(string)),
    assignments: list(
      struct({
        memberId: string,
        assignment: bytes,
      }),
    ),
  },
  response: {
    throttleTimeMs: since(1, int32),
    errorCode: int16,
    protocolType: since(5, nullable(string)),
    protocolName: since(5, nullable(string)),
    assignment: bytes,
  },
  handle(context) {
    const { request, version, broker, access } = context
    if (version >= 5 && (request.protocolType === null || request.protocolName === null))
      throw new KafkaError('INCONSISTENT_GROUP_PROTOCOL')
    access.check('Read Group', request.groupId)
    return broker.groups.sync(request, context)
  },
  errorResponse: (errorCode) => ({ errorCode, assignment: Buffer.alloc(0) }),
})
