/**
 * `response.http.headers.config`: headers of every response, in Jetty's syntax: `set X-Frame-Options: DENY, "add Cache-Control: no-cache,
 * no-store"`. `setDate` and `addDate` take milliseconds from now.
 */
import type { FastifyInstance } from 'fastify'
import { InvalidSetting } from '../../connect/sdk/index.ts'
import type { System } from '../../core/system/index.ts'

export interface HeaderRule {
  action: 'set' | 'add' | 'setDate' | 'addDate'
  header: string
  value: string
}

const name = 'response.http.headers.config'

export function parseHeaderRules(text: string): HeaderRule[] {
  const parts = text.match(/"[^"]*"|[^,"]+/g) ?? []
  return parts
    .map((part) => part.replace(/^\s*"?|"?\s*$/g, '').trim())
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^(set|add|setDate|addDate)\s+([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*([\t\x20-\x7e]*)$/i.exec(part)
      const action = (['set', 'add', 'setDate', 'addDate'] as const).find((known) => known.toLowerCase() === match?.[1]?.toLowerCase())
      if (!match || !action) throw new InvalidSetting(name, part, 'write it as "set Header-Name: value", or with add, setDate or addDate')
      const [header, value] = [match[2]!, match[3]!.trim()]
      if (action.endsWith('Date') && !/^-?\d+$/.test(value)) throw new InvalidSetting(name, part, `${action} takes milliseconds from now`)
      return { action, header, value }
    })
}

export function responseHeaders(app: FastifyInstance, rules: readonly HeaderRule[], system: System): void {
  if (rules.length === 0) return
  app.addHook('onSend', async (_request, reply) => {
    for (const { action, header, value } of rules) {
      const headerValue = action.endsWith('Date') ? new Date(system.clock.now() + Number(value)).toUTCString() : value
      const current = reply.getHeader(header)
      if (action.startsWith('set') || current === undefined) reply.header(header, headerValue)
      else reply.header(header, [current, headerValue].flat().map(String))
    }
  })
}
