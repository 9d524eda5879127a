/** Goal: texts come in the order of Java's HashSet. Method: the orders that a JVM of Java 17 printed for these sets. */
import { expect, test } from 'vitest'
import { javaSetOrder } from '../../../registry/formats/java-order.ts'

const words = (text: string) => text.split(' ')

test('a few texts', () => {
  expect(javaSetOrder([], ['allOf', 'anyOf', 'oneOf'])).toEqual(['allOf', 'oneOf', 'anyOf'])
})

test('a set to which others are added', () => {
  const others = words('street city country phone id x y z name Überlänge first_name last_name created_at')
  expect(javaSetOrder(words('name age email zip'), others)).toEqual(
    words('zip country city last_name created_at phone street name x y z Überlänge id first_name age email'),
  )
})

test('more texts than the least capacity holds', () => {
  const many = Array.from({ length: 30 }, (_, index) => `field${index * 7}`)
  const numbers = [
    119, 112, 133, 154, 175, 196, 42, 21, 49, 84, 63, 105, 126, 203, 147, 168, 189, 28, 140, 161, 182, 77, 56, 0, 98, 35, 14, 7, 91, 70,
  ]
  expect(javaSetOrder(many, [])).toEqual(numbers.map((number) => `field${number}`))
  expect(javaSetOrder([], many)).toEqual(numbers.map((number) => `field${number}`))
})
