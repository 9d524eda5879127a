/**
 * ListGroups, key 16. v1 adds throttleTimeMs; v3 is flexible; v4 adds statesFilter, groupState; v5 adds typesFilter, groupType.
 */

import { int16, int32, list, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexible: 3,
  authorization: ['Describe Cluster', 'Describe Group'],
  request: {
    statesFilter: since(4, list(string)),
    typesFilter: since(5, list(string)),
  },
  response: {
    throttleTimeMs: since(1, int32),
    errorCode: int16,
    groups: list(
      struct({
        groupId: string,
        protocolType: string,
        groupState: since(4, string),
        groupType: since(5, string),
      }),
    ),
  },
  async handle(context) {
    const { request, broker, access } = context
    const quiet = { logIfDenied: false }
    const all = access.allows('Describe Cluster', undefined, quiet)
    const { errorCode, groups } = await broker.groups.list(request, context)
    return { errorCode, groups: all ? groups : groups.filter(({ groupId }) => access.allows('Describe Group', groupId, quiet)) }
  },
  errorResponse: (errorCode) => ({ errorCode, groups: [] }),
})
