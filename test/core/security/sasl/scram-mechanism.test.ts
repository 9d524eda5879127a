/**
 * Goal: keys and proofs are those of the RFCs. Method: the examples of RFC 5802 (by RFC 7677 for SHA-256), and the vectors of PBKDF2.
 */
import { expect, test } from 'vitest'
import {
  clientProof,
  credentialOf,
  hmac,
  isProof,
  saltedPassword,
  saltedPasswordSync,
  serverKeyOf,
} from '../../../../core/security/sasl/scram-mechanism.ts'

/** RFC 7677, section 3: user "user", password "pencil". */
const rfc7677 = {
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  authMessage:
    'n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  signature: '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}

test('the example of RFC 7677', async () => {
  const salted = await saltedPassword('SCRAM-SHA-256', 'pencil', rfc7677.salt, 4096)
  expect(clientProof('SCRAM-SHA-256', salted, rfc7677.authMessage).toString('base64')).toBe(rfc7677.proof)
  expect(hmac('SCRAM-SHA-256', serverKeyOf('SCRAM-SHA-256', salted), rfc7677.authMessage).toString('base64')).toBe(rfc7677.signature)
  const credential = credentialOf('SCRAM-SHA-256', salted, rfc7677.salt, 4096)
  expect(isProof('SCRAM-SHA-256', credential, rfc7677.authMessage, Buffer.from(rfc7677.proof, 'base64'))).toBe(true)
})

test('PBKDF2 with the input of RFC 6070, for HMAC-SHA-512', () => {
  const salted = saltedPasswordSync('SCRAM-SHA-512', 'password', Buffer.from('salt'), 4096)
  expect(salted.toString('hex')).toBe(
    'd197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5',
  )
})

test.each([0, 1, 31, 33, 64])('a proof of %i bytes is refused', async (bytes) => {
  const salted = await saltedPassword('SCRAM-SHA-256', 'pencil', rfc7677.salt, 4096)
  const credential = credentialOf('SCRAM-SHA-256', salted, rfc7677.salt, 4096)
  expect(isProof('SCRAM-SHA-256', credential, rfc7677.authMessage, Buffer.alloc(bytes))).toBe(false)
})

test('a password is its UTF-8 bytes, as in Kafka: characters that SASLprep would join stay apart', async () => {
  const keys = await Promise.all(
    ['ﬁ', 'fi', 'Å', 'A\u030a'].map((password) => saltedPassword('SCRAM-SHA-256', password, rfc7677.salt, 4096)),
  )
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(4)
})
