import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { openDemo } from '../test/fixtures/demo.ts'

const app = await openDemo({ DATA_DIR: t.testdir() })
t.teardown(() => app.close())
const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))

/** Sends the beginning of a request, then a drop of it twice a second, for as long as it is let. */
async function trickles(t: Test, beginning: string, drop: string) {
  const started = performance.now()
  const { promise: hungUp, resolve } = Promise.withResolvers<void>()
  const socket = connect({ host: '127.0.0.1', port: Number(port) })
  socket.on('error', () => undefined)
  socket.on('close', () => resolve())
  let answer = ''
  socket.setEncoding('utf8').on('data', text => {
    answer += text
  })
  socket.write(beginning)
  const dripping = setInterval(() => socket.write(drop), 500)
  await hungUp
  clearInterval(dripping)
  t.match(answer, /^HTTP\/1\.1 408 /)
  const elapsedMs = performance.now() - started
  t.ok(elapsedMs > 9_000 && elapsedMs < 13_000, `after ${elapsedMs} ms`)
}

t.test('a request that takes more than ten seconds to arrive is refused', { jobs: 2 }, async t => {
  const head = 'POST /api/v1/sessions HTTP/1.1\r\nHost: dashtam\r\nContent-Type: application/json\r\n'
  t.test('headers, line by line', t => trickles(t, head, 'X-More: to come\r\n'))
  t.test('a body, byte by byte', t => trickles(t, `${head}Content-Length: 1000\r\n\r\n`, ' '))
})
