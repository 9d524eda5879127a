/**
 * X.509 certificates for tests, made in the test: node:crypto signs, and this file writes the DER around it. Elliptic curves, because their
 * keys are made in no time. Whoever needs a store in another format asks keytool or openssl (test/peers).
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { isIP } from 'node:net'

/** A part of a name: type, value, and the tag of the value where it is not UTF8String. */
export type NamePart = readonly [type: string, value: string | Buffer, tag?: number]

export interface CertificateOptions {
  /** A common name, or sets of parts in the order of the certificate. */
  subject: string | readonly (readonly NamePart[])[]
  /** Host names and addresses. */
  names?: readonly string[]
  authority?: boolean
  /** Days from now. */
  from?: number
  to?: number
}

export interface TestCertificate {
  /** PEM. */
  certificate: string
  /** PEM, PKCS#8. */
  key: string
  der: Buffer
  issue(options: CertificateOptions): TestCertificate
}

const DAY_MS = 86_400_000
const ECDSA_SHA256 = '1.2.840.10045.4.3.2'

export function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  const digits = length.subarray(length.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length]), digits, content])
}

export function oidBytes(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(BigInt)
  const bytes = [first! * 40n + second!, ...rest].flatMap((value) => {
    const digits = [Number(value & 127n)]
    for (let left = value >> 7n; left > 0n; left >>= 7n) digits.unshift(Number(left & 127n) | 0x80)
    return digits
  })
  return tlv(0x06, Buffer.from(bytes))
}

const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts)
const time = (date: Date) =>
  tlv(
    0x18,
    Buffer.from(
      `${date
        .toISOString()
        .replace(/[-:T]/g, '')
        .replace(/\.\d+Z/, '')}Z`,
    ),
  )
const extension = (type: string, value: Buffer, critical = false) =>
  sequence(oidBytes(type), ...(critical ? [tlv(0x01, Buffer.from([0xff]))] : []), tlv(0x04, value))

function nameBytes(subject: CertificateOptions['subject']): Buffer {
  const parts: readonly (readonly NamePart[])[] = typeof subject === 'string' ? [[['2.5.4.3', subject]]] : subject
  const one = ([type, value, tag = 0x0c]: NamePart) => sequence(oidBytes(type), tlv(tag, Buffer.from(value as string)))
  return sequence(...parts.map((set) => tlv(0x31, ...set.map(one))))
}

const addressBytes = (name: string) =>
  isIP(name) === 4
    ? tlv(0x87, Buffer.from(name.split('.').map(Number)))
    : isIP(name) === 6
      ? tlv(0x87, Buffer.concat([Buffer.alloc(15), Buffer.from([1])]))
      : tlv(0x82, Buffer.from(name))

function create(options: CertificateOptions, issuer: { name: Buffer; key: KeyObject } | null): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = nameBytes(options.subject)
  const algorithm = sequence(oidBytes(ECDSA_SHA256))
  const at = (days: number) => new Date(Date.now() + days * DAY_MS)
  const serial = Buffer.from(publicKey.export({ type: 'spki', format: 'der' }).subarray(-8))
  serial[0]! &= 0x7f
  serial[0]! |= 0x40
  const basic = sequence(...(options.authority ? [tlv(0x01, Buffer.from([0xff]))] : []))
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    algorithm,
    issuer?.name ?? subject,
    sequence(time(at(options.from ?? -1)), time(at(options.to ?? 30))),
    subject,
    Buffer.from(publicKey.export({ type: 'spki', format: 'der' })),
    tlv(
      0xa3,
      sequence(
        extension('2.5.29.19', basic, true),
        ...(options.names ? [extension('2.5.29.17', sequence(...options.names.map(addressBytes)))] : []),
      ),
    ),
  )
  const signature = sign('sha256', body, issuer?.key ?? privateKey)
  const der = sequence(body, algorithm, tlv(0x03, Buffer.from([0]), signature))
  const lines = der.toString('base64').match(/.{1,64}/g)!
  return {
    der,
    certificate: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    issue: (issued) => create(issued, { name: subject, key: privateKey }),
  }
}

/** A certificate that has signed itself: an authority, unless it says otherwise. */
export const selfSigned = (options: CertificateOptions): TestCertificate => create({ authority: true, ...options }, null)
