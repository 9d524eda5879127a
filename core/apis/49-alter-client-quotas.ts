/**
 * AlterClientQuotas, key 49: sets and removes quotas of users, client ids and addresses. v1 is flexible.
 */
import { bool, float64, int16, int32, list, nullable, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

const entity = list(struct({ entityType: string, entityName: nullable(string) }))

export default defineApi({
  key: 49,
  name: 'AlterClientQuotas',
  versions: [0, 1],
  flexible: 1,
  authorization: ['AlterConfigs Cluster'],
  request: {
    entries: list(struct({ entity, ops: list(struct({ key: string, value: float64, remove: bool })) })),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32,
    entries: list(struct({ errorCode: int16, errorMessage: nullable(string), entity })),
  },
  async handle({ request, broker, access }) {
    access.check('AlterConfigs Cluster')
    const outcomes = await broker.cluster.alterClientQuotas(request.entries, request.validateOnly)
    const entries = outcomes.map(({ entity, error }) => ({
      errorCode: error?.code ?? 0,
      errorMessage: error?.message ?? null,
      entity: [...entity],
    }))
    return { throttleTimeMs: 0, entries }
  },
  errorResponse: (errorCode, { entries }, _version, errorMessage) => ({
    throttleTimeMs: 0,
    entries: entries.map(({ entity }) => ({ errorCode, errorMessage, entity })),
  }),
})
