/**
 * AlterUserScramCredentials, key 51: sets and removes users of SCRAM. A client sends a salted password; only keys that are derived from it
 * are stored.
 */
import { credentialOf, type ScramMechanism } from '../security/sasl/scram-mechanism.ts'
import { bytes, int8, int16, int32, list, nullable, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

const mechanisms: Readonly<Record<number, ScramMechanism>> = { 1: 'SCRAM-SHA-256', 2: 'SCRAM-SHA-512' }
const NONE = Buffer.alloc(0)

export default defineApi({
  key: 51,
  name: 'AlterUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  authorization: ['Alter Cluster'],
  request: {
    deletions: list(struct({ name: string, mechanism: int8 })),
    upsertions: list(struct({ name: string, mechanism: int8, iterations: int32, salt: bytes, saltedPassword: bytes })),
  },
  response: {
    throttleTimeMs: int32,
    results: list(struct({ user: string, errorCode: int16, errorMessage: nullable(string) })),
  },
  async handle({ request, broker, access }) {
    access.check('Alter Cluster')
    const upsertions = request.upsertions.map(({ name, mechanism, iterations, salt, saltedPassword }) => {
      const known = mechanisms[mechanism]
      // The bytes of a request are a view of its frame. A mechanism that does not exist is refused before its keys are used.
      const keys = known ? credentialOf(known, Buffer.from(saltedPassword), Buffer.from(salt), iterations) : null
      return { name, mechanism, iterations, salt: NONE, storedKey: NONE, serverKey: NONE, ...keys }
    })
    const outcomes = await broker.cluster.alterScramCredentials(request.deletions, upsertions)
    const results = outcomes.map(({ user, error }) => ({ user, errorCode: error?.code ?? 0, errorMessage: error?.message ?? null }))
    return { throttleTimeMs: 0, results }
  },
  errorResponse: (errorCode, { deletions, upsertions }, _, errorMessage) => {
    const users = [...new Set([...deletions, ...upsertions].map(({ name }) => name))]
    return { throttleTimeMs: 0, results: users.map((user) => ({ user, errorCode, errorMessage })) }
  },
})
