/**
 * The cipher suites of ssl.cipher.suites: Java has the names of the TLS standard, OpenSSL its own for the suites of TLS 1.2. Those of TLS
 * 1.3 have one name. DSS suites are in no OpenSSL of today.
 */
import { configError } from './config-error.ts'

const tls13 = ['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256', 'TLS_CHACHA20_POLY1305_SHA256']

const keyExchanges: Readonly<Record<string, string>> = {
  ECDHE_ECDSA: 'ECDHE-ECDSA-',
  ECDHE_RSA: 'ECDHE-RSA-',
  DHE_RSA: 'DHE-RSA-',
  RSA: '',
}

const encryptions: Readonly<Record<string, string>> = {
  AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  AES_256_CBC_SHA384: 'AES256-SHA384',
  AES_256_CBC_SHA256: 'AES256-SHA256',
  AES_128_CBC_SHA256: 'AES128-SHA256',
  AES_256_CBC_SHA: 'AES256-SHA',
  AES_128_CBC_SHA: 'AES128-SHA',
  CHACHA20_POLY1305_SHA256: 'CHACHA20-POLY1305',
}

/** SHA-384 with CBC exists with ephemeral elliptic curves only, SHA-256 with AES-256-CBC only without, ChaCha20 only ephemeral. */
function exists(exchange: string, encryption: string): boolean {
  if (encryption === 'AES_256_CBC_SHA384') return exchange.startsWith('ECDHE')
  if (encryption === 'AES_256_CBC_SHA256') return !exchange.startsWith('ECDHE')
  return encryption !== 'CHACHA20_POLY1305_SHA256' || exchange !== 'RSA'
}

/** By the name in Java. */
export const cipherSuites: ReadonlyMap<string, string> = new Map([
  ...tls13.map((name) => [name, name] as const),
  ...Object.entries(keyExchanges).flatMap(([exchange, prefix]) =>
    Object.entries(encryptions)
      .filter(([encryption]) => exists(exchange, encryption))
      .map(([encryption, suffix]) => [`TLS_${exchange}_WITH_${encryption}`, prefix + suffix] as const),
  ),
])

/** OpenSSL's list; undefined for the default. A client or server without a suite of TLS 1.3 does not offer TLS 1.3, as in Java. */
export function cipherList(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined
  const list = names.map((name) => {
    const suite = cipherSuites.get(name)
    if (!suite) throw configError('ssl.cipher.suites', `${name} is not supported: use one of ${[...cipherSuites.keys()].join(', ')}`)
    return suite
  })
  return list.join(':')
}
