/**
 * UpdateFeatures, key 57: raises and ends finalized features; all of a request or none.
 * v1 adds upgradeType, validateOnly, drops allowDowngrade; v2 drops results.
 */
import { codeOf, KafkaError } from '../errors.ts'
import { bool, int8, int16, int32, list, nullable, optional, since, string, struct, until } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

const UPGRADE = 1
const UNSAFE_DOWNGRADE = 3

export default defineApi({
  key: 57,
  name: 'UpdateFeatures',
  versions: [0, 2],
  flexible: 0,
  authorization: ['Alter Cluster'],
  request: {
    timeoutMs: optional(int32, 60000),
    featureUpdates: list(
      struct({
        feature: string,
        maxVersionLevel: int16,
        allowDowngrade: until(0, bool),
        upgradeType: since(1, int8, UPGRADE),
      }),
    ),
    validateOnly: since(1, bool),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    results: until(
      1,
      list(
        struct({
          feature: string,
          errorCode: int16,
          errorMessage: nullable(string),
        }),
      ),
    ),
  },
  async handle({ request, broker, access }) {
    access.check('Alter Cluster')
    const updates = request.featureUpdates.map(({ feature: name, maxVersionLevel, allowDowngrade, upgradeType }) => ({
      name,
      level: maxVersionLevel,
      upgradeType: allowDowngrade ? UNSAFE_DOWNGRADE : upgradeType,
    }))
    try {
      await broker.cluster.updateFeatures(updates, request.validateOnly)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      return { throttleTimeMs: 0, errorCode: codeOf(error), errorMessage: error.message, results: [] }
    }
    const results = updates.map(({ name: feature }) => ({ feature, errorCode: 0, errorMessage: 'NONE' }))
    return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, results }
  },
  errorResponse: (errorCode, _, __, errorMessage) => ({ throttleTimeMs: 0, errorCode, errorMessage, results: [] }),
})
