import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom, sharedRedisUrl, startFaultProxy } from '@dashtam/testkit'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { until } from '../src/until.ts'

const CLIENT = { retryStrategy: () => null, maxRetriesPerRequest: 0 }

async function openServer(t: Test, onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onSocket(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = server.address()
  return `tcp://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

const echo = (t: Test) => openServer(t, socket => socket.pipe(socket))

async function openProxy(t: Test, url: string, seed?: number) {
  const proxy = await startFaultProxy(url, seed === undefined ? {} : { seed })
  t.teardown(() => proxy.stop())
  return proxy
}

function dial(t: Test, port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined)
  t.teardown(() => socket.destroy())
  return socket
}

/** Bytes in a row whose order shows. */
function numbered(count: number): Buffer {
  const bytes = Buffer.alloc(count * 4)
  for (let index = 0; index < count; index++) bytes.writeUInt32BE(index, index * 4)
  return bytes
}

t.test('startFaultProxy() passes everything on, with the URL of the server but for its host and port', async t => {
  const url = await sharedRedisUrl()
  const proxy = await openProxy(t, url.replace('redis://', 'redis://:secret@'))
  t.equal(proxy.url, `redis://:secret@127.0.0.1:${proxy.port}`)
  const redis = new Redis(proxy.port, proxy.host, CLIENT)
  t.teardown(() => redis.disconnect())
  t.equal(await redis.ping(), 'PONG')
  t.equal(proxy.connections, 1)
  t.ok(proxy.toServer.bytes > 0 && proxy.toClient.bytes > 0)
})

t.test('startFaultProxy() refuses what it cannot use', async t => {
  await t.rejects(
    startFaultProxy('redis://localhost', { seed: 0.5 }),
    new TypeError('seed is 0.5, expected an integer')
  )
  await t.rejects(startFaultProxy('tcp://localhost'), new TypeError('url has no port, and none is usual for tcp:'))
  const proxy = await openProxy(t, 'postgresql://localhost')
  for (const [minMs, maxMs] of [
    [-1, 1],
    [2, 1],
    [0, Infinity],
    [0, Number.NaN]
  ] as const) {
    t.throws(() => proxy.toServer.delay({ minMs, maxMs }), TypeError)
  }
})

t.test('delay() keeps the order of the bytes, and the end of a stream behind them', async t => {
  const proxy = await openProxy(t, await echo(t), 1)
  proxy.toServer.delay({ maxMs: 8 })
  proxy.toClient.delay({ maxMs: 8 })
  const socket = dial(t, proxy.port)
  socket.setNoDelay(true)
  const sent = numbered(2_000)
  const received = buffer(socket)
  for (let offset = 0; offset < sent.length; offset += 100) {
    socket.write(sent.subarray(offset, offset + 100))
    await sleep(0)
  }
  socket.end()
  t.ok(sent.equals(await received))
  t.equal(proxy.toServer.bytes, sent.length)
  t.equal(proxy.toClient.bytes, sent.length)
  await until('both ends are gone', async () => proxy.connections === 0)
})

t.test('delay() holds each chunk back, one way only, until it is taken back', async t => {
  const proxy = await openProxy(t, await echo(t), 1)
  const socket = dial(t, proxy.port)
  const roundTripMs = async () => {
    const startMs = performance.now()
    socket.write('ping')
    await once(socket, 'data')
    return performance.now() - startMs
  }
  await roundTripMs()
  proxy.toClient.delay({ minMs: 60, maxMs: 80 })
  const startMs = performance.now()
  t.ok((await roundTripMs()) >= 59, `${performance.now() - startMs} ms`)
  proxy.toClient.delay({ maxMs: 0 })
  const fastest = Math.min(await roundTripMs(), await roundTripMs(), await roundTripMs())
  t.ok(fastest < 59, `${fastest} ms`)
})

t.test('delay() draws the same delays from the same seed', async t => {
  const draw = (seed: number) => Array.from({ length: 5 }, seededRandom(seed))
  t.strictSame(draw(7), draw(7))
  t.notSame(draw(7), draw(8))
  t.ok(draw(7).every(drawn => drawn >= 0 && drawn < 1))
})

t.test('freeze() holds both the bytes and the connection, and resume() lets them go on', async t => {
  const proxy = await openProxy(t, await echo(t))
  const socket = dial(t, proxy.port)
  const other = dial(t, proxy.port)
  let received = ''
  socket.setEncoding('utf8').on('data', data => {
    received += data
  })
  socket.write('1')
  await until('the first byte is back', async () => received === '1')

  proxy.toClient.freeze()
  socket.write('2')
  await until('the server has been told', async () => proxy.toServer.bytes === 2)
  await sleep(50)
  t.equal(received, '1')
  t.equal(proxy.connections, 2)
  other.end()
  const third = dial(t, proxy.port)
  third.write('3')
  await until('a new connection is let in', async () => proxy.toServer.bytes === 3)

  proxy.toClient.resume()
  t.equal(String(await once(third, 'data')), '3', 'also what came while it was frozen')
  await until('the second byte is back', async () => received === '12')
})

t.test('freeze() leaves a sender that goes on to its own buffers', async t => {
  const proxy = await openProxy(t, await openServer(t, () => undefined))
  proxy.toServer.freeze()
  const socket = dial(t, proxy.port)
  const sent = 64 * 1024 * 1024
  socket.write(Buffer.alloc(sent))
  await sleep(100)
  t.ok(socket.writableNeedDrain, 'not everything was taken')
})

t.test('the bytes of a receiver that does not read are not kept, and all arrive when it does', async t => {
  const proxy = await openProxy(
    t,
    await openServer(t, socket => socket.end(Buffer.alloc(32 * 1024 * 1024, 1)).resume())
  )
  proxy.toClient.delay({ maxMs: 2 })
  const socket = dial(t, proxy.port)
  socket.pause()
  await sleep(100)
  const { bytes } = proxy.toClient
  t.ok(bytes < 16 * 1024 * 1024, `${bytes} bytes were taken`)
  socket.end()
  t.equal((await buffer(socket)).length, 32 * 1024 * 1024)
})

t.test('cut() destroys every connection and lets new ones in', async t => {
  const proxy = await openProxy(t, await echo(t))
  const sockets = [dial(t, proxy.port), dial(t, proxy.port)]
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  await until('both are there', async () => proxy.connections === 2)
  const closed = Promise.all(
    sockets.map(socket =>
      once(
        socket.resume().on('end', () => socket.end()),
        'close'
      )
    )
  )
  proxy.cut()
  await closed
  await until('none is left', async () => proxy.connections === 0)
  const next = dial(t, proxy.port)
  next.write('again')
  t.equal(String(await once(next, 'data')), 'again')
})

t.test('redirect() leads new connections to another server, and leaves those that are open', async t => {
  const told = (word: string) => openServer(t, socket => socket.write(word))
  const proxy = await openProxy(t, await told('one'))
  const first = dial(t, proxy.port)
  t.equal(String(await once(first, 'data')), 'one')
  proxy.redirect(await told('two'))
  t.equal(String(await once(dial(t, proxy.port), 'data')), 'two')
  t.equal(proxy.connections, 2)
  t.throws(() => proxy.redirect('tcp://127.0.0.1'), { message: /url has no port/ })
})

t.test('refuse() keeps new connections out until accept()', async t => {
  const proxy = await openProxy(t, await echo(t))
  const socket = dial(t, proxy.port)
  socket.write('1')
  await once(socket, 'data')
  proxy.refuse()
  proxy.refuse()
  const [error] = await once(connect({ port: proxy.port, host: '127.0.0.1' }), 'error')
  t.equal(error.code, 'ECONNREFUSED')
  socket.write('2')
  t.equal(String(await once(socket, 'data')), '2', 'the open one goes on')

  await proxy.accept()
  await proxy.accept()
  const next = dial(t, proxy.port)
  next.write('3')
  t.equal(String(await once(next, 'data')), '3', 'on the same port')
})

t.test('what a client said before it died still arrives, and then the news', async t => {
  const received: Promise<Buffer>[] = []
  const proxy = await openProxy(t, await openServer(t, socket => void received.push(buffer(socket))))
  proxy.toServer.delay({ minMs: 50, maxMs: 60 })
  const socket = dial(t, proxy.port)
  socket.write('last words')
  await once(socket, 'connect')
  await sleep(10)
  socket.resetAndDestroy()
  await until('the connection is gone', async () => received.length === 1 && proxy.connections === 0)
  t.equal(String(await received[0]), 'last words')
})

t.test('the client of a server that is not there is turned away', async t => {
  const gone = createServer()
  await once(gone.listen(0, '127.0.0.1'), 'listening')
  const address = gone.address()
  gone.close()
  const proxy = await openProxy(t, `tcp://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
  const socket = dial(t, proxy.port)
  socket.resume().on('end', () => socket.end())
  await once(socket, 'close')
  await until('nothing is left', async () => proxy.connections === 0)
  t.pass()
})
