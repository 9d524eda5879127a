/**
 * How a resource of the REST API is declared: the default export of `api/routes/<name>.ts`. The server finds them by a scan; a resource
 * whose door is not there (no worker, no mirrors in this process) is left out, and its paths are not found.
 */
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Herder } from '../connect/types.ts'
import type { System } from '../core/system/index.ts'
import { scan } from '../core/system/scan.ts'
import type { MirrorAdmin } from '../mirror/types.ts'

/** What a resource's routes may reach. */
export interface Services {
  worker?: Herder | undefined
  mirrors?: MirrorAdmin | undefined
  system: System
  version: string
}

export interface Resource {
  /** The heading of its routes in the API's document, and its key in `ServerOptions.only`. */
  tag: string
  /** Where its heading stands among the others. */
  place: number
  doc: string
  /** The door without which its routes make no sense. */
  needs?: 'worker' | 'mirrors' | undefined
  register(app: FastifyInstance, doors: Services): void
}

/** A resource of the worker is handed a worker that is there, one of the mirrors theirs. */
export function defineResource(resource: {
  tag: string
  place: number
  doc: string
  needs: 'worker'
  register(app: FastifyInstance, doors: Services & { worker: Herder }): void
}): Resource
export function defineResource(resource: {
  tag: string
  place: number
  doc: string
  needs: 'mirrors'
  register(app: FastifyInstance, doors: Services & { mirrors: MirrorAdmin }): void
}): Resource
export function defineResource(resource: {
  tag: string
  place: number
  doc: string
  register(app: FastifyInstance, doors: Services): void
}): Resource
export function defineResource(resource: {
  tag: string
  place: number
  doc: string
  needs?: 'worker' | 'mirrors'
  register: unknown
}): Resource {
  return resource as Resource
}

/** The resources that make sense with these doors, in the order of their files' names. */
export async function findResources(doors: Services, serves: (tag: string) => boolean = () => true): Promise<Resource[]> {
  const found = await scan<Resource>(join(import.meta.dirname, 'routes'), /./)
  return found.filter(({ tag, needs }) => (needs === undefined || doors[needs] !== undefined) && serves(tag))
}
