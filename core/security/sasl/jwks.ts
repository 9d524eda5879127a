/**
 * The public keys that a broker verifies tokens with: a JWKS file, read again when it changes, or a JWKS endpoint, read from time to time
 * and when a token names a key that it does not have: at most once a minute for one key id, and once a second for all. Without keys no
 * token is accepted.
 */
import { fileURLToPath } from 'node:url'
import { createLocalJWKSet, type JSONWebKeySet } from 'jose'
import type { Backoff } from '../../system/backoff.ts'
import type { Timer } from '../../system/clock.ts'
import type { TlsStores } from '../tls/tls-stores.ts'
import { boundedFetch, DEFAULT_TIMEOUT_MS, withRetries } from './bounded-fetch.ts'
import { SaslError } from './sasl-errors.ts'
import type { SaslSystem } from './types.ts'

const MAX_JWKS_BYTES = 1024 * 1024
const MAX_KEYS = 1000
/** Kafka's limits for key ids that were looked for. */
const MAX_MISSING_KEY_IDS = 16
const MAX_KEY_ID_CHARACTERS = 1000
const MISSING_KEY_ID_MS = 60_000
/** Between two requests for missing keys: anybody can make up key ids. */
const MISSING_KEYS_PERIOD_MS = 1_000

export type KeySet = ReturnType<typeof createLocalJWKSet>

export interface Jwks {
  /** Throws SaslError where there are none. */
  keys(): KeySet
  /** A token names a key that is not there. */
  missing(keyId: string | undefined): void
  close(): void
}

function keySetOf(text: string, where: string): KeySet {
  let value: { keys?: unknown }
  try {
    value = JSON.parse(text)
  } catch {
    throw new SaslError(`${where} is not JSON`)
  }
  if (!Array.isArray(value?.keys)) throw new SaslError(`${where} is no JSON Web Key Set: it has no list "keys"`)
  if (value.keys.length > MAX_KEYS) throw new SaslError(`${where} has more than ${MAX_KEYS} keys`)
  try {
    return createLocalJWKSet(value as JSONWebKeySet)
  } catch {
    throw new SaslError(`${where} is no JSON Web Key Set`)
  }
}

export class JwksFile implements Jwks {
  readonly #path: string
  readonly #disk: SaslSystem['disk']
  #read: { readonly version: string; readonly keys: KeySet } | null = null

  /** Throws SaslError where it cannot be read: the listener must not start. */
  constructor(url: URL, disk: SaslSystem['disk']) {
    this.#path = fileURLToPath(url)
    this.#disk = disk
    this.keys()
  }

  keys(): KeySet {
    const stat = this.#disk.stat(this.#path)
    if (!stat) throw new SaslError(`The JWKS file ${this.#path} doesn't exist`)
    if (stat.bytes > MAX_JWKS_BYTES) throw new SaslError(`The JWKS file ${this.#path} is longer than ${MAX_JWKS_BYTES} bytes`)
    const version = `${stat.modifiedMs}:${stat.bytes}`
    if (this.#read?.version !== version) {
      const text = (this.#disk.readFile(this.#path) ?? Buffer.alloc(0)).toString('utf8')
      this.#read = { version, keys: keySetOf(text, `The JWKS file ${this.#path}`) }
    }
    return this.#read.keys
  }

  missing(): void {}

  close(): void {}
}

export interface JwksRefresh {
  readonly everyMs: number
  readonly backoff: Backoff
  readonly tls: TlsStores | null
}

export class JwksEndpoint implements Jwks {
  readonly #url: URL
  readonly #refresh: JwksRefresh
  readonly #system: SaslSystem
  readonly #closing = new AbortController()
  readonly #missing = new Map<string, number>()
  #keys: KeySet
  #pending: Promise<void> | null = null
  readonly #timer: Timer
  /** For keys that are missing: not before, in monotonic ms, and who waits for it. */
  #missingNotBefore = 0
  #missingTimer: Timer | null = null

  private constructor(url: URL, refresh: JwksRefresh, system: SaslSystem, keys: KeySet) {
    this.#url = url
    this.#refresh = refresh
    this.#system = system
    this.#keys = keys
    this.#timer = system.clock.every(refresh.everyMs, () => this.#refreshNow())
  }

  /** Throws SaslError where the keys cannot be read: the listener must not start. */
  static async open(url: URL, refresh: JwksRefresh, system: SaslSystem): Promise<JwksEndpoint> {
    return new JwksEndpoint(url, refresh, system, await retrieve(url, refresh, system, new AbortController().signal))
  }

  keys(): KeySet {
    return this.#keys
  }

  missing(keyId = ''): void {
    if (keyId.length > MAX_KEY_ID_CHARACTERS) return
    const now = this.#system.clock.monotonic()
    const notBefore = this.#missing.get(keyId)
    if (notBefore !== undefined && now < notBefore) return
    this.#missing.delete(keyId)
    this.#missing.set(keyId, now + MISSING_KEY_ID_MS)
    if (this.#missing.size > MAX_MISSING_KEY_IDS) this.#missing.delete(this.#missing.keys().next().value!)
    this.#refreshForMissing()
  }

  close(): void {
    this.#closing.abort()
    this.#timer.cancel()
    this.#missingTimer?.cancel()
  }

  /** A request that is under way may have been answered before the key was added: another one follows it. */
  #refreshForMissing(): void {
    if (this.#missingTimer) return
    const now = this.#system.clock.monotonic()
    if (!this.#pending && now >= this.#missingNotBefore) {
      this.#missingNotBefore = now + MISSING_KEYS_PERIOD_MS
      this.#refreshNow()
      return
    }
    const leftMs = this.#pending ? MISSING_KEYS_PERIOD_MS : this.#missingNotBefore - now
    this.#missingTimer = this.#system.clock.after(leftMs, () => {
      this.#missingTimer = null
      this.#refreshForMissing()
    })
  }

  #refreshNow(): void {
    if (this.#pending) return
    this.#pending = retrieve(this.#url, this.#refresh, this.#system, this.#closing.signal)
      .then(
        (keys) => {
          this.#keys = keys
        },
        (error) => {
          if (!this.#closing.signal.aborted)
            this.#system.logger.warn({ err: error }, 'the JWKS endpoint could not be read; tokens are verified with the keys read before')
        },
      )
      .finally(() => {
        this.#pending = null
      })
  }
}

async function retrieve(url: URL, { backoff, tls }: JwksRefresh, system: SaslSystem, signal: AbortSignal): Promise<KeySet> {
  const headers = { accept: 'application/json' }
  const request = { url, method: 'GET', headers, timeoutMs: DEFAULT_TIMEOUT_MS, tls } as const
  const text = await withRetries(system, backoff, signal, () => boundedFetch(system, request, signal))
  return keySetOf(text, `${url.origin}${url.pathname}`)
}
