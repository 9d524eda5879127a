/**
 * Story of mirror. Goal: a mirror reaches both of its clusters with delegation tokens. Method: two brokers of ours, on whose listeners only
 * tokens log in.
 */
import { expect, onTestFinished, test } from 'vitest'
import { brokerInProcess } from '../broker-in-process.ts'
import { issuedLogin, tokenListeners, under } from '../issued-tokens.ts'
import { caughtUp, connectTo, createTopic, mirrorOf, properties, write } from './clusters.ts'
import { expectSameRecords } from './started-flow.ts'

async function clusterWithTokens() {
  const server = await brokerInProcess(tokenListeners)
  onTestFinished(() => server.stop())
  return { server, ...connectTo(server.broker.address), ...(await issuedLogin(server.broker, 'mirror')) }
}

test('records are mirrored by clients that log in with tokenauth="true"', async () => {
  const [us, central] = await Promise.all([clusterWithTokens(), clusterWithTokens()])
  await createTopic(us, 't')
  await write(us, 't', 100)
  const mirror = await mirrorOf(
    properties(us, central, {
      'us->central.topics': 't',
      'emit.heartbeats.enabled': 'false',
      ...under('us.', us.settings),
      ...under('central.', central.settings),
    }),
  )
  await caughtUp(mirror, 'us->central', 100)
  await expectSameRecords({ us, central } as never)
  for (const { server } of [us, central]) {
    const logins = server.lines.filter(({ message }) => message === 'login succeeded').map(({ details }) => details)
    expect(logins.length).toBeGreaterThan(0)
    for (const login of logins) expect(login).toMatchObject({ principal: 'User:mirror', tokenAuthenticated: true })
  }
}, 60_000)
