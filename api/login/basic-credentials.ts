/** The user and the password of an Authorization header of Basic authentication, decoded as Kafka Connect decodes it. Pure. */

export interface BasicCredentials {
  user: string
  password: string
}

/** As Java's decoder: no white space, and the padding may be missing. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

/** Null where there are none, or none that can be read. The password may contain colons, the user cannot. */
export function basicCredentials(header: string | undefined): BasicCredentials | null {
  const [, encoded] = /^basic (.*)$/is.exec(header ?? '') ?? []
  if (encoded === undefined || !BASE64.test(encoded)) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon <= 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
