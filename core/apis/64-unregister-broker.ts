/**
 * UnregisterBroker, key 64: removes the registration of a broker that has left the cluster. This node is the only one that is ever
 * registered, so there is nothing to remove: other ids get Kafka's error, and its own id is refused, since it would serve nothing from then
 * on.
 */
import { errorCode } from '../errors.ts'
import { int16, int32, nullable, string } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 64,
  name: 'UnregisterBroker',
  versions: [0, 0],
  flexible: 0,
  authorization: ['Alter Cluster'],
  missing: ['unregistering this broker itself while it runs'],
  request: { brokerId: int32 },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
  },
  handle({ request: { brokerId }, broker, access }) {
    access.check('Alter Cluster')
    if (brokerId === broker.settings.nodeId)
      return {
        throttleTimeMs: 0,
        errorCode: errorCode('POLICY_VIOLATION'),
        errorMessage: `Broker ID ${brokerId} is the broker that runs, and the only one of the cluster: stop it instead`,
      }
    return {
      throttleTimeMs: 0,
      errorCode: errorCode('BROKER_ID_NOT_REGISTERED'),
      errorMessage: `Broker ID ${brokerId} is not currently registered`,
    }
  },
  errorResponse: (errorCode, _, __, errorMessage) => ({ throttleTimeMs: 0, errorCode, errorMessage }),
})
