/**
 * A client's exchange and a server's exchange that talk to each other, and a system for both.
 */

import type { Authenticated, SaslClientExchange, SaslServerExchange, SaslSystem } from '../../../../core/security/sasl/types.ts'
import { realClock } from '../../../../core/system/clock.ts'
import { realDisk } from '../../../../core/system/disk.ts'
import { silentLogger } from '../../../../core/system/logger.ts'
import { realRandom } from '../../../../core/system/random.ts'

export const system: SaslSystem = { clock: realClock, disk: realDisk, random: realRandom, logger: silentLogger }

/** More than any mechanism has. */
const MAX_MESSAGES = 8

export interface Conversation {
  readonly authenticated: Authenticated
  /** All bytes, in their order. */
  readonly messages: readonly Buffer[]
}

/** Until both sides are complete. Rejects with the error of the side that gives up. */
export async function converse(client: SaslClientExchange, server: SaslServerExchange): Promise<Conversation> {
  const messages: Buffer[] = []
  let authenticated: Authenticated | null = null
  let message: Buffer | null = await client.first()
  while (message) {
    messages.push(message)
    if (messages.length > MAX_MESSAGES) throw new Error('the exchange does not end')
    const answer = await server.respond(message)
    messages.push(answer.response)
    authenticated = answer.authenticated ?? authenticated
    message = await client.next(answer.response)
  }
  if (!authenticated) throw new Error('the client is complete, the server is not')
  return { authenticated, messages }
}
