/**
 * Goal: KAFKA_OPTS gives the properties that a JVM would have.
 */
import { expect, test } from 'vitest'
import { javaSystemProperties } from '../../../../core/security/sasl/java-system-properties.ts'

test.each([
  [undefined, {}],
  ['', {}],
  ['-Djava.security.auth.login.config=/etc/kafka/jaas.conf -Xmx1g', { 'java.security.auth.login.config': '/etc/kafka/jaas.conf' }],
  ['  -Da=b=c\t-Dd\n-De=', { a: 'b=c', d: '', e: '' }],
  ['-Da=1 -Da=2', { a: '2' }],
  ['-D__proto__=x', JSON.parse('{"__proto__":"x"}')],
])('%s', (options, expected) => {
  expect(javaSystemProperties(options)).toEqual(expected)
})
