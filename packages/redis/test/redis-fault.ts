import t from 'tap'
import { toRedisFault } from '../src/redis-fault.ts'

t.test('toRedisFault() sorts what the server answered by the first word', async t => {
  const reasons: [message: string, reason: string][] = [
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'wrong_type'],
    ['ERR value is not an integer or out of range', 'wrong_type'],
    ['ERR increment or decrement would overflow', 'wrong_type'],
    ['LOADING Redis is loading the dataset in memory', 'connection'],
    ['MASTERDOWN Link with MASTER is down', 'connection'],
    ['CLUSTERDOWN The cluster is down', 'connection'],
    ["READONLY You can't write against a read only replica.", 'connection'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'connection'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'server'],
    ['NOPERM this user has no permissions', 'server'],
    ['ERR syntax error', 'server'],
    ['no word in capitals', 'server']
  ]
  for (const [message, reason] of reasons) {
    const fault = toRedisFault(replyError(message))
    t.equal(fault.reason, reason, message)
    t.strictSame(fault.cause, { name: 'ReplyError', message })
  }
  t.equal(toRedisFault(replyError('no word in capitals')).serverCode, 'ERR')
})

t.test('toRedisFault() leaves out the arguments that Redis quotes', async t => {
  const fault = toRedisFault(
    replyError("ERR unknown command 'GETDEL', with args beginning with: 'k:hunter2' \n 'hunter2'")
  )
  t.equal(fault.message, "Redis answered: ERR unknown command 'GETDEL'")
  t.notMatch(JSON.stringify(fault), 'hunter2')
})

t.test('toRedisFault() keeps nothing of the client library but name and message', async t => {
  const error = Object.assign(new Error('Command timed out'), { command: { args: ['hunter2'] } })
  t.strictSame(toRedisFault(error), {
    reason: 'timeout',
    message: 'no answer in time',
    cause: { name: 'Error', message: 'Command timed out' }
  })
  t.match(toRedisFault(new Error('Connection is closed.')), { reason: 'connection' })
  t.match(toRedisFault('hunter2'), { reason: 'connection', cause: { name: 'Error', message: 'unknown failure' } })
})

function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' })
}
