import { createECDH } from 'node:crypto'
import { createDevice } from '@offerstream/stack'
import { expect, test } from 'vitest'
import { encryptFor, largestPlain } from '../src/providers/encryption.ts'

test('the example of RFC 8291, appendix A, byte for byte', () => {
  const pair = createECDH('prime256v1')
  pair.setPrivateKey(Buffer.from('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw', 'base64url'))
  const p256dh = 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'
  const keys = { p256dh, auth: 'BTBZMqHH6r4Tts7J_aSIgg' }
  const salt = Buffer.from('DGv6ra1nlYgDCS1FRnbzlw', 'base64url')
  const body = encryptFor(keys, Buffer.from('When I grow up, I want to be a watermelon'), pair, salt)
  expect(body.toString('base64url')).toBe(
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_' +
      'yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
  )
})

test('only the device it is for can read it, from nothing to the largest that fits', () => {
  const [device, other] = [createDevice(), createDevice()]
  for (const length of [0, 1, 300, largestPlain]) {
    const plain = Buffer.alloc(length, 'ü')
    const body = encryptFor(device.keys, plain)
    expect(device.open(body)).toEqual(plain)
    expect(() => other.open(body)).toThrow()
    expect(body.length).toBe(length + 4096 - largestPlain)
  }
  expect(() => encryptFor(device.keys, Buffer.alloc(largestPlain + 1))).toThrow('too long')
})

test('no two messages share a key or a salt', () => {
  const { keys } = createDevice()
  const [one, two] = [encryptFor(keys, Buffer.from('same')), encryptFor(keys, Buffer.from('same'))]
  expect(one.subarray(0, 16)).not.toEqual(two.subarray(0, 16))
  expect(one.subarray(21, 86)).not.toEqual(two.subarray(21, 86))
})

test.each([
  ['a point of 64 bytes', { p256dh: Buffer.alloc(64, 4).toString('base64url') }],
  ['a point off the curve', { p256dh: Buffer.alloc(65, 4).toString('base64url') }],
  ['a short secret', { auth: 'AAAA' }],
])('%s is refused', (_what, change) => {
  expect(() => encryptFor({ ...createDevice().keys, ...change }, Buffer.from('text'))).toThrow()
})
