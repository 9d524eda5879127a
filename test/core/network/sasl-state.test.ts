/**
 * Goal: a listener with SASL does with each request what Apache Kafka does. Method: stories: a list of events, and what is done about each.
 * Where a story ends with a failure, its error and its reason are those of Kafka's SaslServerAuthenticator.
 */
import { describe, expect, test } from 'vitest'
import { decideSasl, initialSaslState, type SaslEffect, type SaslEvent } from '../../../core/network/sasl-state.ts'

const mechanisms = ['PLAIN', 'SCRAM-SHA-512']
const versions: SaslEvent = { type: 'versions', isValid: true }
const token: SaslEvent = { type: 'token' }
const continued: SaslEvent = { type: 'continued' }
const other = (api = 'Metadata'): SaslEvent => ({ type: 'other', api })
const handshake = (mechanism = 'PLAIN', version = 1): SaslEvent => ({ type: 'handshake', mechanism, version })
const loggedIn = (
  name = 'alice',
  { credentialsMs = null as number | null, maxSessionMs = 0, tokenAuthenticated = false } = {},
): SaslEvent => ({
  ...{ type: 'authenticated', principal: `User:${name}`, tokenAuthenticated },
  ...{ credentialsMs, maxSessionMs },
})

/** Each event with its time; the effect of the last one, in short. */
function story(...events: (SaslEvent | readonly [at: number, event: SaslEvent])[]) {
  let state = initialSaslState
  let effect: SaslEffect = { type: 'pass' }
  let now = 0
  for (const entry of events) {
    const [at, event] = 'type' in entry ? [now, entry] : entry
    now = at
    const decision = decideSasl(state, event, { mechanisms, now })
    state = decision.state
    effect = decision.effect
  }
  return { state, effect }
}

const failed = (error: string | null, reason: string, message: string | null = null) => ({ type: 'fail', error, reason, message })

describe('before the login', () => {
  test.each([
    ['ApiVersions, handshake, token', [versions, handshake(), token], { type: 'evaluate' }],
    ['no ApiVersions', [handshake(), token], { type: 'evaluate' }],
    ['an ApiVersions that is refused changes nothing', [{ ...versions, isValid: false }, versions, handshake()], null],
    ['a second ApiVersions', [versions, versions], { type: 'close', reason: 'ApiVersions came twice before the login' }],
    ['another API first', [other()], failed(null, 'Unexpected Kafka request of type METADATA during SASL handshake.')],
    [
      'another API after ApiVersions',
      [versions, other('FindCoordinator')],
      failed(null, 'Unexpected Kafka request of type FIND_COORDINATOR during SASL handshake.'),
    ],
    [
      'SaslAuthenticate without a handshake',
      [token],
      failed(null, 'Unexpected Kafka request of type SASL_AUTHENTICATE during SASL handshake.'),
    ],
    ['a mechanism that is not enabled', [handshake('GSSAPI')], failed('UNSUPPORTED_SASL_MECHANISM', 'Unsupported SASL mechanism GSSAPI')],
    [
      'another API after the handshake',
      [handshake(), other()],
      failed('ILLEGAL_SASL_STATE', 'Unexpected Kafka request of type METADATA during SASL authentication.'),
    ],
    [
      'ApiVersions after the handshake',
      [handshake(), versions],
      failed('ILLEGAL_SASL_STATE', 'Unexpected Kafka request of type API_VERSIONS during SASL authentication.'),
    ],
    [
      'a second handshake',
      [handshake(), handshake()],
      failed('ILLEGAL_SASL_STATE', 'Unexpected Kafka request of type SASL_HANDSHAKE during SASL authentication.'),
    ],
    [
      'another API between two messages',
      [handshake(), token, continued, other()],
      failed('ILLEGAL_SASL_STATE', 'Unexpected Kafka request of type METADATA during SASL authentication.'),
    ],
    [
      'wrong credentials',
      [handshake(), token, { type: 'refused', message: 'told', reason: 'logged' }],
      failed('SASL_AUTHENTICATION_FAILED', 'logged', 'told'),
    ],
  ] as [string, SaslEvent[], object | null][])('%s', (_, events, expected) => {
    const { effect, state } = story(...events)
    expect(effect).toEqual(expected ?? { type: 'handshake', login: { mechanism: 'PLAIN', isRenewal: false } })
    expect(state.phase === 'failed').toBe(effect.type === 'fail' || effect.type === 'close')
  })

  test('the version of the handshake says whether messages have a header', () => {
    expect(story(handshake('PLAIN', 0)).state.bareTokens).toBe(true)
    expect(story(handshake('PLAIN', 1)).state.bareTokens).toBe(false)
  })
})

describe('after the login', () => {
  test('a renewal decides anew whether the client has logged in with a token; until then nothing changes', () => {
    const byToken = { credentialsMs: 9000, tokenAuthenticated: true }
    const before = [handshake(), token, loggedIn('alice', byToken)] as const
    expect(story(...before).state.tokenAuthenticated).toBe(true)
    expect(story(...before, other()).state.tokenAuthenticated).toBe(true)
    expect(story(...before, [10, handshake()], token).state.tokenAuthenticated).toBe(true)
    expect(story(...before, [10, handshake()], token, loggedIn()).state.tokenAuthenticated).toBe(false)
    expect(story(handshake(), token, loggedIn('alice', { maxSessionMs: 9000 })).state.tokenAuthenticated).toBe(false)
  })

  test('without a limit the session has no end, and a handshake is answered as on any listener', () => {
    const { state, effect } = story(handshake(), token, loggedIn(), [1e12, handshake()])
    expect(effect).toEqual({ type: 'pass' })
    expect(state).toMatchObject({ phase: 'complete', principal: 'User:alice', sessionEndsAt: null })
  })

  test.each([
    [null, 0, 0],
    [null, 5000, 5000],
    [3000, 0, 3000],
    [3000, 5000, 3000],
    [9000, 5000, 5000],
    [-1, 5000, 0],
  ])('credentials for %s ms and connections.max.reauth.ms=%i: a session of %i ms', (credentialsMs, maxSessionMs, sessionMs) => {
    expect(story(handshake(), token, loggedIn('alice', { credentialsMs, maxSessionMs })).effect).toMatchObject({
      type: 'complete',
      sessionMs,
    })
  })

  const session = [handshake(), token, loggedIn('alice', { maxSessionMs: 5000 })]

  test('a request within the session passes, the first one after it closes the connection', () => {
    expect(story(...session, [5000, other()]).effect).toEqual({ type: 'pass' })
    expect(story(...session, [5001, other()]).effect).toEqual({
      type: 'close',
      reason: 'the session has expired: the client must log in again',
    })
  })

  test('a session is renewed by the same user with the same mechanism, also after its end', () => {
    const { state, effect } = story(...session, [6000, handshake()], token, loggedIn('alice', { maxSessionMs: 5000 }))
    expect(effect).toMatchObject({ type: 'complete', sessionMs: 5000 })
    expect(state.sessionEndsAt).toBe(11_000)
  })

  test('the login that renews is told so', () => {
    expect(story(...session, [4000, handshake()]).effect).toEqual({ type: 'handshake', login: { mechanism: 'PLAIN', isRenewal: true } })
  })

  test('another user: Kafka says who was, and who is', () => {
    const message = 'Cannot change principals during re-authentication from User.alice: User.bob'
    expect(story(...session, [4000, handshake()], token, loggedIn('bob')).effect).toEqual(
      failed('SASL_AUTHENTICATION_FAILED', message, message),
    )
  })

  test('another mechanism: the handshake is answered, and the next request closes', () => {
    const events = [...session, [4000, handshake('SCRAM-SHA-512')]] as const
    expect(story(...events).effect).toEqual({ type: 'handshake', login: null })
    expect(story(...events, token).effect).toMatchObject({ type: 'fail', error: null })
  })

  test('a mechanism that is not enabled: the connection is closed without an answer, as by Kafka', () => {
    expect(story(...session, [4000, handshake('GSSAPI')]).effect).toEqual({ type: 'close', reason: 'Unsupported SASL mechanism GSSAPI' })
  })

  test('a second renewal within a second is answered as on any listener', () => {
    const renewed = [...session, [4000, handshake()] as [number, SaslEvent], token, loggedIn('alice', { maxSessionMs: 5000 })]
    expect(story(...renewed, [4999, handshake()]).effect).toEqual({ type: 'pass' })
    expect(story(...renewed, [5000, handshake()]).effect).toMatchObject({ type: 'handshake' })
  })
})
