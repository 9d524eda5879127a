/**
 * DescribeUserScramCredentials, key 50: the SCRAM users in the metadata log, without their keys. A request that is denied has a response
 * also where it names no users: Kafka leaves it without one.
 */
import { errorCode } from '../errors.ts'
import { int8, int16, int32, list, nullable, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { duplicatesOf } from './duplicates.ts'

export default defineApi({
  key: 50,
  name: 'DescribeUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  authorization: ['Describe Cluster'],
  request: {
    users: nullable(list(struct({ name: string }))),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    results: list(
      struct({
        user: string,
        errorCode: int16,
        errorMessage: nullable(string),
        credentialInfos: list(struct({ mechanism: int8, iterations: int32 })),
      }),
    ),
  },
  handle({ request, broker, access }) {
    access.check('Describe Cluster')
    const credentials = new Map<string, { mechanism: number; iterations: number }[]>()
    for (const { name, mechanism, iterations } of broker.cluster.scramCredentials())
      credentials.set(name, [...(credentials.get(name) ?? []), { mechanism, iterations }])
    const asked = (request.users ?? []).map(({ name }) => name)
    const duplicates = duplicatesOf(asked)
    const users = asked.length > 0 ? [...new Set(asked)] : [...credentials.keys()]
    const results = users.map((user) => {
      const credentialInfos = credentials.get(user)
      const failed = (code: number, errorMessage: string) => ({ user, errorCode: code, errorMessage, credentialInfos: [] })
      if (duplicates.has(user))
        return failed(
          errorCode('DUPLICATE_RESOURCE'),
          `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`,
        )
      if (!credentialInfos)
        return failed(errorCode('RESOURCE_NOT_FOUND'), `Attempt to describe a user credential that does not exist: ${user}`)
      return { user, errorCode: 0, errorMessage: '', credentialInfos }
    })
    return { throttleTimeMs: 0, errorCode: 0, errorMessage: '', results }
  },
  // As in Kafka, the results do not name their users.
  errorResponse: (errorCode, { users }) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage: null,
    results: (users ?? []).map(() => ({ user: '', errorCode, errorMessage: null, credentialInfos: [] })),
  }),
})
