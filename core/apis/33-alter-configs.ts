/**
 * AlterConfigs, key 33: replaces all configs of a topic, this broker, a group or a client metrics subscription; those that a request does
 * not name are gone.
 * v2 is flexible.
 */
import { bool, int8, list, nullable, string, struct } from '../wire/types.ts'
import { alterableConfigs, alterConfigsFailure, alterConfigsResponse } from './alterable-configs.ts'
import { defineApi } from './define-api.ts'

/** Kafka's AlterConfigOp. */
const SET = 0

export default defineApi({
  key: 33,
  name: 'AlterConfigs',
  versions: [0, 2],
  flexible: 2,
  authorization: ['AlterConfigs Cluster', 'AlterConfigs Topic', 'AlterConfigs Group'],
  request: {
    resources: list(
      struct({
        resourceType: int8,
        resourceName: string,
        configs: list(
          struct({
            name: string,
            value: nullable(string),
          }),
        ),
      }),
    ),
    validateOnly: bool,
  },
  response: alterConfigsResponse,
  async handle({ request, broker, access }) {
    const { cluster } = broker
    const { resources, validateOnly } = request
    const outcomes = await alterableConfigs(resources, access, {
      check: (configs) => cluster.checkConfigChanges(configs.map((config) => ({ ...config, operation: SET }))),
      alter: (valid) => cluster.replaceConfigsOf(valid, validateOnly),
    })
    return { throttleTimeMs: 0, responses: outcomes }
  },
  errorResponse: (errorCode, { resources }, _, errorMessage) => alterConfigsFailure(errorCode, resources, errorMessage),
})
