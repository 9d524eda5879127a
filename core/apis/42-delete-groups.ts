/**
 * DeleteGroups, key 42. v2 is flexible.
 */

import { int16, int32, list, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexible: 2,
  request: {
    groupsNames: list(string),
  },
  response: {
    throttleTimeMs: int32,
    results: list(
      struct({
        groupId: string,
        errorCode: int16,
      }),
    ),
  },
  handle: (context) => context.broker.groups.delete(context.request, context),
  errorResponse: (errorCode, { groupsNames }) => ({
    throttleTimeMs: 0,
    results: groupsNames.map((groupId) => ({ groupId, errorCode })),
  }),
})
