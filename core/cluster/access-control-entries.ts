/**
 * The access control list entries of the cluster: changes them through the controller, and tells the authorizer before the change resolves,
 * so that a client that has its response finds the change in effect.
 */
import type { KafkaError } from '../errors.ts'
import type { Acl, AclChange, StoredAcl } from '../security/acl/acl.ts'
import type { AclFilter } from '../security/acl/acl-filter.ts'
import type { System } from '../system/index.ts'
import { aclCreations, aclDeletions, matchingAcls } from './acl-changes.ts'
import type { ChangeResult } from './change-result.ts'
import type { Controller } from './controller.ts'

export class AccessControlEntries {
  readonly #controller: Controller
  readonly #system: System
  #listener: (change: AclChange) => void = () => {}

  constructor(controller: Controller, system: System) {
    this.#controller = controller
    this.#system = system
  }

  all(): Iterable<StoredAcl> {
    return this.#controller.image.accessControlEntries.values()
  }

  onChanged(listener: (change: AclChange) => void): void {
    this.#listener = listener
  }

  describe(filter: AclFilter): readonly StoredAcl[] {
    return matchingAcls(filter, this.#controller.image)
  }

  create(acls: readonly Acl[]): Promise<readonly (KafkaError | null)[]> {
    return this.#controller.run(async () => {
      const { outcomes, created } = aclCreations(acls, this.#controller.image, () => this.#system.random.uuid())
      await this.#controller.write(created.map((acl) => ({ type: 'AccessControlEntryRecord', ...acl })))
      if (created.length > 0) this.#listener({ created, deleted: [] })
      return outcomes
    })
  }

  delete(filters: readonly AclFilter[]): Promise<readonly ChangeResult<readonly StoredAcl[]>[]> {
    return this.#controller.run(async () => {
      const turn = () => new Promise<void>((resolve) => this.#system.clock.soon(resolve))
      const { outcomes, deleted } = await aclDeletions(filters, this.#controller.image, turn)
      await this.#controller.write(deleted.map(({ id }) => ({ type: 'RemoveAccessControlEntryRecord', id })))
      if (deleted.length > 0) this.#listener({ created: [], deleted })
      return outcomes
    })
  }
}
