/**
 * Goal: what a connection holds is counted in one place, before and after its login, and nothing of it once the request is complete.
 * Method: the limits of a broker, and a connection that tells whether it is closed.
 */
import { expect, test } from 'vitest'
import { PartialRequest } from '../../../core/network/partial-request.ts'
import { PartialRequests } from '../../../core/network/partial-requests.ts'

function fixture() {
  const all = { partialLogins: new PartialRequests(100), partialRequests: new PartialRequests(1000) }
  const closed: string[] = []
  const partial = new PartialRequest({ close: (reason) => void closed.push(reason) }, all)
  return { partial, closed, bytes: () => [all.partialLogins.bytes, all.partialRequests.bytes] }
}

test('before the login its memory counts, afterwards what it has sent', () => {
  const { partial, bytes } = fixture()
  partial.hold({ heldBytes: 64, receivedBytes: 8 }, true)
  expect(bytes()).toEqual([64, 0])
  partial.hold({ heldBytes: 512, receivedBytes: 300 }, false)
  expect(bytes()).toEqual([0, 300])
  partial.release()
  expect(bytes()).toEqual([0, 0])
})

test('beyond a limit it is closed, and holds nothing', () => {
  const { partial, closed, bytes } = fixture()
  partial.hold({ heldBytes: 100, receivedBytes: 8 }, true)
  expect(closed).toEqual([])
  partial.hold({ heldBytes: 101, receivedBytes: 8 }, true)
  expect(closed).toEqual([expect.stringContaining('more than 100 bytes')])
  expect(bytes()).toEqual([0, 0])
})
