/**
 * IncrementalAlterConfigs, key 44: changes configs of topics, of this broker, of its loggers, of groups and of client metrics.
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
  authorization: ['AlterConfigs Cluster', 'AlterConfigs Topic', 'AlterConfigs Group'],
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
  async handle({ request, broker, access }) {
    const resources = request.resources.map((resource) => ({
      ...resource,
      configs: resource.configs.map(({ name, configOperation: operation, value }) => ({ name, operation, value })),
    }))
    const { cluster } = broker
    const { validateOnly } = request
    const responses = await alterableConfigs(resources, access, {
      check: (changes) => cluster.checkConfigChanges(changes),
      alter: (valid) => cluster.alterConfigsOf(valid, validateOnly),
      alterLoggers: (name, changes) => cluster.alterLoggers(name, changes, validateOnly),
    })
    return { throttleTimeMs: 0, responses }
  },
  errorResponse: (errorCode, { resources }, _, errorMessage) => alterConfigsFailure(errorCode, resources, errorMessage),
})
