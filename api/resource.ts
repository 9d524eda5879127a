/**
 * How a resource of the REST API is declared: the default export of `api/routes/<name>.ts`, found by a scan. A resource that needs a
 * service which this process does not run (a worker, mirrors) is not registered: requests to its paths get a 404.
 */
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Herder } from '../connect/types.ts'
import type { System } from '../core/system/index.ts'
import { scan } from '../core/system/scan.ts'
import type { MirrorAdmin } from '../mirror/types.ts'

/** What the routes may use. */
export interface Services {
  worker?: Herder | undefined
  mirrors?: MirrorAdmin | undefined
  system: System
  version: string
}

export interface Resource {
  /** The heading of its routes in the API's document, and its name in `ServerOptions.serves`. */
  tag: string
  /** The position of its heading in the document. */
  order: number
  doc: string
  /** The service that its routes need. */
  needs?: 'worker' | 'mirrors' | undefined
  register(app: FastifyInstance, services: Services): void
}

/** `register` gets the service that the resource needs. */
export function defineResource(resource: {
  tag: string
  order: number
  doc: string
  needs: 'worker'
  register(app: FastifyInstance, services: Services & { worker: Herder }): void
}): Resource
export function defineResource(resource: {
  tag: string
  order: number
  doc: string
  needs: 'mirrors'
  register(app: FastifyInstance, services: Services & { mirrors: MirrorAdmin }): void
}): Resource
export function defineResource(resource: {
  tag: string
  order: number
  doc: string
  register(app: FastifyInstance, services: Services): void
}): Resource
export function defineResource(resource: {
  tag: string
  order: number
  doc: string
  needs?: 'worker' | 'mirrors'
  register: unknown
}): Resource {
  return resource as Resource
}

/** The resources that these services can serve, in the order of their file names. */
export async function findResources(services: Services, serves: (tag: string) => boolean = () => true): Promise<Resource[]> {
  const resources = await scan<Resource>(join(import.meta.dirname, 'routes'), /./)
  return resources.filter(({ tag, needs }) => (needs === undefined || services[needs] !== undefined) && serves(tag))
}
