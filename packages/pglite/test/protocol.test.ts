import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeValue } from '../src/parameters.ts'
import { encodeFrame, FrameReader, type Reply, type Request } from '../src/protocol.ts'

test('frames come out as they went in, however the socket cuts them', () => {
  const request = fc.record({
    kind: fc.constant('query' as const),
    id: fc.nat(),
    text: fc.string({ unit: 'grapheme' }),
    values: fc.array(fc.option(fc.string({ unit: 'grapheme' }))),
    timeoutMs: fc.nat(),
    tx: fc.option(fc.nat()),
  })
  fc.assert(
    fc.property(fc.array(request, { maxLength: 5 }), fc.integer({ min: 1, max: 50 }), (requests, size) => {
      const stream = Buffer.concat(requests.map(encodeFrame))
      const reader = new FrameReader<Request>()
      const read: Request[] = []
      for (let at = 0; at < stream.length; at += size) read.push(...reader.read(stream.subarray(at, at + size)))
      expect(read).toEqual(requests)
    }),
  )
})

test('the bytes of a result pass unaltered', () => {
  const frame = encodeFrame({ kind: 'result', id: 3, bytes: Uint8Array.of(0, 1, 255) })
  const [reply] = new FrameReader<Reply>().read(frame)
  expect(reply).toMatchObject({ kind: 'result', id: 3 })
  expect(reply?.kind === 'result' && [...reply.bytes]).toEqual([0, 1, 255])
})

test('what is not ours is refused', () => {
  expect(() => new FrameReader().read(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toThrow('Frame')
})

test('values that PostgreSQL cannot read are refused', () => {
  expect(() => encodeValue(() => undefined)).toThrow('function')
  expect(() => encodeValue(Symbol('x'))).toThrow('symbol')
})
