/**
 * Lets web pages of other origins call the API, where `access.control.allow.origin` names them (separated by commas, or `*`). Off by
 * default. `access.control.allow.methods` is GET, POST and HEAD by default, as in Kafka Connect.
 */
import type { FastifyInstance } from 'fastify'

export interface CrossOrigin {
  /** `access.control.allow.origin` */
  origins: string
  /** `access.control.allow.methods` */
  methods: string
}

const list = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** The origins of `access.control.allow.origin`. */
export class AllowedOrigins {
  readonly all: boolean
  readonly #origins: readonly string[]

  constructor(origins: string) {
    this.#origins = list(origins)
    this.all = this.#origins.includes('*')
  }

  /** A request without an Origin header is allowed only if all origins are. */
  allows(origin: string | undefined): boolean {
    return this.all || (origin !== undefined && this.#origins.includes(origin))
  }
}

export function crossOrigin(app: FastifyInstance, allowedOrigins: AllowedOrigins, allowedMethods: string): void {
  const configured = list(allowedMethods).map((method) => method.toUpperCase())
  const methods = configured.length === 0 ? ['GET', 'POST', 'HEAD'] : configured
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers
    if (origin === undefined || !allowedOrigins.allows(origin)) return
    reply.header('Access-Control-Allow-Origin', allowedOrigins.all ? '*' : origin).header('Vary', 'Origin')
    const requested = request.headers['access-control-request-method']
    if (request.method !== 'OPTIONS' || requested === undefined) return
    // A method that is not allowed gets no such header, and the browser refuses it.
    if (methods.includes(requested)) {
      reply
        .header('Access-Control-Allow-Methods', methods.join(', '))
        .header('Access-Control-Allow-Headers', 'X-Requested-With, Content-Type, Accept, Origin, Authorization')
        .header('Access-Control-Max-Age', '1800')
    }
    return reply.code(200).send()
  })
}
