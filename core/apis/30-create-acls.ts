/**
 * CreateAcls, key 30: adds access control list entries. Each has its outcome; those that are valid are one batch of the metadata
 * log, and are in effect when the response is sent.
 */
import { errorCode, KafkaError } from '../errors.ts'
import { CLUSTER_NAME, resourceTypes } from '../security/authorizer.ts'
import { int8, int16, int32, list, nullable, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'
import { errorOfEach } from './error-of-each.ts'

const refusal = (why: string) => new KafkaError('INVALID_REQUEST', why)

/** What Kafka's broker refuses before it asks its controller. */
function problemOf({ resourceType, resourceName }: { resourceType: number; resourceName: string }): KafkaError | null {
  if (resourceType === resourceTypes.Cluster && resourceName !== CLUSTER_NAME)
    return refusal(`The only valid name for the CLUSTER resource is ${CLUSTER_NAME}`)
  return resourceName === '' ? refusal('Invalid empty resource name') : null
}

export default defineApi({
  key: 30,
  name: 'CreateAcls',
  versions: [1, 3],
  flexible: 2,
  authorization: ['Alter Cluster'],
  request: {
    creations: list(
      struct({
        resourceType: int8,
        resourceName: string,
        resourcePatternType: int8,
        principal: string,
        host: string,
        operation: int8,
        permissionType: int8,
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    results: list(struct({ errorCode: int16, errorMessage: nullable(string) })),
  },
  async handle({ request, broker, access }) {
    access.check('Alter Cluster')
    const { creations } = request
    if (!broker.authorizer) {
      const disabled = { errorCode: errorCode('SECURITY_DISABLED'), errorMessage: 'No Authorizer is configured.' }
      return { throttleTimeMs: 0, results: creations.map(() => disabled) }
    }
    const problems = creations.map(problemOf)
    const valid = creations.filter((_, index) => !problems[index])
    const acls = valid.map(({ resourcePatternType: patternType, ...acl }) => ({ ...acl, patternType }))
    const outcomes = await broker.cluster.acls.create(acls).catch(errorOfEach(acls))
    let next = 0
    const results = problems.map((problem) => {
      const error = problem ?? outcomes[next++]
      return { errorCode: error?.code ?? 0, errorMessage: error?.message ?? '' }
    })
    return { throttleTimeMs: 0, results }
  },
  errorResponse: (errorCode, { creations }, _version, errorMessage) => ({
    throttleTimeMs: 0,
    results: creations.map(() => ({ errorCode, errorMessage })),
  }),
})
