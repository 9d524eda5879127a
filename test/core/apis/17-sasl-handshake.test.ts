/**
 * Goal: SaslHandshake and SaslAuthenticate on a connection that does not authenticate get Kafka's error, and the connection stays open.
 */
import { expect, test } from 'vitest'
import saslHandshake from '../../../core/apis/17-sasl-handshake.ts'
import saslAuthenticate from '../../../core/apis/36-sasl-authenticate.ts'
import { errorCode } from '../../../core/errors.ts'
import { brokerInProcess } from '../../broker-in-process.ts'

test('on a PLAINTEXT listener: ILLEGAL_SASL_STATE', async () => {
  const server = await brokerInProcess()
  try {
    const client = await server.client()
    expect(await client.send(saslHandshake, 1, { mechanism: 'PLAIN' })).toEqual({
      errorCode: errorCode('ILLEGAL_SASL_STATE'),
      mechanisms: [],
    })
    expect(await client.send(saslAuthenticate, 2, { authBytes: Buffer.from('x') })).toEqual({
      errorCode: errorCode('ILLEGAL_SASL_STATE'),
      errorMessage: 'SaslAuthenticate request received after successful authentication',
      authBytes: Buffer.alloc(0),
      sessionLifetimeMs: 0,
    })
    expect(client.closed).toBe(false)
  } finally {
    await server.stop()
  }
})
