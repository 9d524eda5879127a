/**
 * SaslAuthenticate, key 36: one message of a SASL exchange. v1 adds sessionLifetimeMs; v2 is flexible. A connection that authenticates
 * answers it itself; a request that comes here came at another time.
 */
import { errorCode } from '../errors.ts'
import { bytes, int16, int64, nullable, since, string } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

export default defineApi({
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexible: 2,
  authorization: [],
  request: {
    authBytes: bytes,
  },
  response: {
    errorCode: int16,
    errorMessage: nullable(string),
    authBytes: bytes,
    sessionLifetimeMs: since(1, int64, 0),
  },
  handle: () => ({
    errorCode: errorCode('ILLEGAL_SASL_STATE'),
    errorMessage: 'SaslAuthenticate request received after successful authentication',
    authBytes: Buffer.alloc(0),
  }),
  errorResponse: (errorCode) => ({ errorCode, errorMessage: null, authBytes: Buffer.alloc(0) }),
})
