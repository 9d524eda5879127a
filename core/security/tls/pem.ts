/** Reads PEM: certificates, and the private key of a key store. Line ends may be any white space, as in values of settings. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { WrongPasswordError } from './key-entry.ts'

const blocks = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g
const LINE = /.{1,64}/g

export const looksLikePem = (bytes: Buffer): boolean => bytes.includes('-----BEGIN ')

export function pemCertificates(text: string): X509Certificate[] {
  return [...text.matchAll(blocks)]
    .filter(([, label]) => label!.endsWith('CERTIFICATE'))
    .map(([, , body]) => new X509Certificate(Buffer.from(body!, 'base64')))
}

/** Null where the text has no private key. */
export function pemPrivateKey(text: string, password: string | null): KeyObject | null {
  const block = [...text.matchAll(blocks)].find(([, label]) => label!.endsWith('PRIVATE KEY'))
  if (!block) return null
  const [whole, label, body] = block
  const encrypted = label!.startsWith('ENCRYPTED') || body!.includes('ENCRYPTED')
  if (encrypted && password === null) throw new WrongPasswordError('the key is encrypted, and there is no password for it')
  try {
    return createPrivateKey({ key: body!.includes(':') ? whole : rewrapped(label!, body!), ...(encrypted && { passphrase: password! }) })
  } catch (error) {
    if (encrypted) throw new WrongPasswordError('the password of the key is wrong, or its encryption is not supported', { cause: error })
    throw error
  }
}

/** OpenSSL wants lines. A key in OpenSSL's old encryption has headers, and its lines already. */
const rewrapped = (label: string, body: string): string =>
  [`-----BEGIN ${label}-----`, ...(body.replace(/\s+/g, '').match(LINE) ?? []), `-----END ${label}-----`, ''].join('\n')
