/**
 * The newest decisions, by client and question: a decision of the produce path is then a few look-ups. Bounded; a change of the access
 * control lists clears it. Pure.
 */
/** When it is full it starts again. */
export const MAX_CACHED_DECISIONS = 20_000
/** Longer names are decided about each time: a client must not fill the memory with them. Topic names have up to 249. */
export const MAX_CACHED_NAME_LENGTH = 256
/** Nor are decisions about clients with longer principals kept: a token may name one of half a megabyte, and each login another one. */
export const MAX_CACHED_PRINCIPAL_LENGTH = 1024

/** More than there are operations. */
const OPERATIONS = 16

/** `D` is what is known of a decision. */
export class DecisionCache<D> {
  #byClient = new Map<string, Map<string, (Map<string, D> | undefined)[]>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(principal: string, host: string, operation: number, resourceType: number, name: string): D | undefined {
    return this.#byClient.get(principal)?.get(host)?.[resourceType * OPERATIONS + operation]?.get(name)
  }

  /** For a question that `get` has no answer to. */
  set(principal: string, host: string, operation: number, resourceType: number, name: string, decision: D): void {
    if (name.length > MAX_CACHED_NAME_LENGTH || principal.length > MAX_CACHED_PRINCIPAL_LENGTH) return
    if (this.#size === MAX_CACHED_DECISIONS) this.clear()
    this.#size++
    let hosts = this.#byClient.get(principal)
    if (!hosts) this.#byClient.set(principal, (hosts = new Map()))
    let questions = hosts.get(host)
    if (!questions) hosts.set(host, (questions = []))
    const at = resourceType * OPERATIONS + operation
    let names = questions[at]
    if (!names) questions[at] = names = new Map()
    names.set(name, decision)
  }

  clear(): void {
    this.#byClient = new Map()
    this.#size = 0
  }
}
