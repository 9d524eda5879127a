/**
 * SaslHandshake, key 17: names the mechanism of the SaslAuthenticate requests that follow (v1), or of the bare tokens (v0). A connection
 * that authenticates answers it itself; a request that comes here came at another time.
 */
import { errorCode } from '../errors.ts'
import { int16, list, string } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  flexible: null,
  authorization: [],
  request: {
    mechanism: string,
  },
  response: {
    errorCode: int16,
    mechanisms: list(string),
  },
  handle: () => ({ errorCode: errorCode('ILLEGAL_SASL_STATE'), mechanisms: [] }),
  errorResponse: (errorCode) => ({ errorCode, mechanisms: [] }),
})
