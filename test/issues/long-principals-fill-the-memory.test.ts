/**
 * Issue: the authorizer kept decisions by the principal of the client, however long. A token of OAUTHBEARER may name one of hundreds of
 * kilobytes, and each login another one: 20,000 of them filled the memory, long after their connections had closed. Goal: what is kept does
 * not grow with the length of principals. Method: questions of many clients with long names; the memory is measured.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { StandardAuthorizer } from '../../core/security/acl/standard-authorizer.ts'
import type { Action } from '../../core/security/authorizer.ts'
import { realClock } from '../../core/system/clock.ts'
import { silentLogger } from '../../core/system/logger.ts'

const CLIENTS = 500
const PRINCIPAL_LENGTH = 200_000
const read: Action = { operation: 'Read', resourceType: 'Topic', resourceName: 'orders', api: 'Fetch', resourceReferenceCount: 1, logIfAllowed: false, logIfDenied: false } // biome-ignore format: one line

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

test('the memory does not grow with the principals that were asked about', () => {
  const noEntries = { all: () => [], onChanged: () => {} }
  const settings = { superUsers: '', allowEveryoneIfNoAclFound: false }
  const authorizer = new StandardAuthorizer(noEntries, settings, { logger: silentLogger, clock: realClock })
  gc()
  const before = process.memoryUsage().heapUsed
  for (let client = 0; client < CLIENTS; client++) {
    // Bytes become a text of its own, as from a token.
    const principal = `User:${client}-${Buffer.alloc(PRINCIPAL_LENGTH, 'p').toString('latin1')}`
    for (let again = 0; again < 2; again++) {
      expect(authorizer.authorize({ principal, host: '/127.0.0.1' }, read)).toBe(false)
      expect(authorizer.authorizeByResourceType({ principal, host: '/127.0.0.1' }, 'Write', 'Topic', 'InitProducerId')).toBe(false)
    }
  }
  gc()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan((CLIENTS * PRINCIPAL_LENGTH) / 10)
  authorizer.close()
})
