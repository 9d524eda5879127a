/**
 * IncrementalAlterConfigs, key 44: changes configs of topics and of this broker.
 * v1 is flexible.
 */
import { bool, int8, list, nullable, string, struct } from '../wire/types.ts'
import { alterableConfigs, alterConfigsFailure, alterConfigsResponse } from './alterable-configs.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexible: 1,
  missing: ['resource types 8 (broker logger), 16 (client metrics) and 32 (group)'],
  request: {
    resources: list(
      struct({
        resourceType: int8,
        resourceName: string,
        configs: list(
          struct({
            name: string,
            configOperation: int8,
            value: nullable(string),
          }),
        ),
      }),
    ),
    validateOnly: bool,
  },
  response: alterConfigsResponse,
  async handle({ request, broker }) {
    const resources = request.resources.map((resource) => ({
      ...resource,
      configs: resource.configs.map(({ name, configOperation: operation, value }) => ({ name, operation, value })),
    }))
    const responses = await alterableConfigs(resources, (valid) => broker.cluster.alterConfigsOf(valid, request.validateOnly))
    return { throttleTimeMs: 0, responses }
  },
  errorResponse: (errorCode, { resources }) => alterConfigsFailure(errorCode, resources),
})
