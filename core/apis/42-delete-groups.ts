/**
 * DeleteGroups, key 42. v2 is flexible.
 */
import { errorCode } from '../errors.ts'
import { int16, int32, list, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexible: 2,
  authorization: ['Delete Group'],
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
  async handle(context) {
    const { request, broker, access } = context
    const groups = [...new Set(request.groupsNames)]
    const authorized = access.allowed('Delete Group', groups)
    const { results } = await broker.groups.delete({ groupsNames: groups.filter((group) => authorized.has(group)) }, context)
    const denied = groups.filter((group) => !authorized.has(group))
    const code = errorCode('GROUP_AUTHORIZATION_FAILED')
    return { throttleTimeMs: 0, results: [...results, ...denied.map((groupId) => ({ groupId, errorCode: code }))] }
  },
  errorResponse: (errorCode, { groupsNames }) => ({
    throttleTimeMs: 0,
    results: groupsNames.map((groupId) => ({ groupId, errorCode })),
  }),
})
