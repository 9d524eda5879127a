/**
 * The address of a client as Java prints it, which is how the hosts of access control lists are written: `::1` is `0:0:0:0:0:0:0:1`. Pure.
 */

/** `host` as Kafka prints it, with a slash before it. */
export function javaAddress(host: string): string {
  const address = host.startsWith('/') ? host.slice(1) : host
  if (!address.includes(':')) return address
  const [groups = '', zone] = address.split('%', 2)
  const [before = '', after] = groups.split('::', 2)
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = after === undefined ? [] : Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  const expanded = [...head, ...zeros, ...tail].map((group) => group.replace(/^0+(?=.)/, '').toLowerCase()).join(':')
  return zone === undefined ? expanded : `${expanded}%${zone}`
}
