/**
 * Lets pages of other origins call the API, where `access.control.allow.origin` names them (a comma list, or `*`). Off unless it is set.
 * `access.control.allow.methods` is GET, POST and HEAD unless it is set, as in Kafka Connect.
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

export function crossOrigin(app: FastifyInstance, settings: CrossOrigin): void {
  const origins = list(settings.origins)
  if (origins.length === 0) return
  const given = list(settings.methods).map((method) => method.toUpperCase())
  const methods = given.length === 0 ? ['GET', 'POST', 'HEAD'] : given
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers
    if (origin === undefined || !(origins.includes('*') || origins.includes(origin))) return
    reply.header('Access-Control-Allow-Origin', origins.includes('*') ? '*' : origin).header('Vary', 'Origin')
    const wanted = request.headers['access-control-request-method']
    if (request.method !== 'OPTIONS' || wanted === undefined) return
    // a method that is not allowed gets no permission, and the browser refuses it
    if (methods.includes(wanted)) {
      reply
        .header('Access-Control-Allow-Methods', methods.join(', '))
        .header('Access-Control-Allow-Headers', 'X-Requested-With, Content-Type, Accept, Origin, Authorization')
        .header('Access-Control-Max-Age', '1800')
    }
    return reply.code(200).send()
  })
}
