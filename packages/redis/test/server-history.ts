import t from 'tap'
import { parseServerInfo, ServerHistory, type ServerInfo } from '../src/server-history.ts'

t.test('parseServerInfo() reads what INFO says', async t => {
  const text = [
    '# Server',
    'redis_version:7.0.15',
    'run_id:aaaa',
    'uptime_in_seconds:12',
    '# Replication',
    'role:master',
    'master_replid:bbbb',
    `master_replid2:${'0'.repeat(40)}`,
    ''
  ]
  t.strictSame(parseServerInfo(text.join('\r\n')), {
    runId: 'aaaa',
    isMaster: true,
    replicationId: 'bbbb',
    previousReplicationId: undefined,
    uptimeSeconds: 12
  })
  for (const name of ['run_id', 'role', 'master_replid', 'uptime_in_seconds']) {
    t.equal(parseServerInfo(text.filter(line => !line.startsWith(`${name}:`)).join('\r\n')), undefined, name)
  }
})

t.test('meet() tells of the first server, and not of the same one again', async t => {
  const history = new ServerHistory()
  t.strictSame(history.meet('', info(), 0, 1), { kind: 'connected', server: 'A' })
  t.equal(history.meet('', info(), 1_000, 1_001), undefined)
  t.strictSame(history.lastChange, { kind: 'connected', server: 'A' })
})

t.test('meet() finds nothing in a master that takes another id for its first replica', async t => {
  const history = new ServerHistory()
  history.meet('', info(), 0, 1)
  t.equal(history.meet('', info({ replicationId: 'a2' }), 1_000, 1_001), undefined)
  const replica = info({ runId: 'B', replicationId: 'b', previousReplicationId: 'a2' })
  t.match(history.meet('', replica, 2_000, 2_001), { kind: 'promoted' }, 'and its replica goes on from that')
})

t.test('meet() calls a server promoted that goes on from the one before and was up beside it', async t => {
  const promotedAt = (uptimeSeconds: number, answeredMs: number) => {
    const history = new ServerHistory()
    history.meet('', info(), 0, 1)
    history.meet('', info(), 10_000, 10_001)
    const next = info({ runId: 'B', replicationId: 'b', previousReplicationId: 'a', uptimeSeconds })
    return history.meet('', next, answeredMs - 1, answeredMs)
  }
  t.strictSame(promotedAt(60, 15_000), { kind: 'promoted', server: 'B', previous: 'A' })
  t.match(promotedAt(7, 15_000), { kind: 'promoted' })
  t.match(promotedAt(6, 15_000), { kind: 'restarted' }, 'its uptime may be up to a second less')
  t.match(promotedAt(0, 15_000), { kind: 'restarted' }, 'loaded from a snapshot')
})

t.test('meet() calls everything else restarted', async t => {
  for (const next of [
    info({ runId: 'B', replicationId: 'b' }),
    info({ runId: 'B', replicationId: 'b', previousReplicationId: 'other' }),
    // Demoted, and a master again: it has taken over the data of another in between.
    info({ replicationId: 'a3', previousReplicationId: 'b' })
  ]) {
    const history = new ServerHistory()
    history.meet('', info(), 0, 1)
    t.strictSame(history.meet('', next, 100, 101), { kind: 'restarted', server: next.runId, previous: 'A' })
  }
})

t.test('meet() in a cluster finds the master that another address has taken over from, and its return', async t => {
  const history = new ServerHistory()
  history.meet('a', info(), 0, 1)
  history.meet('c', info({ runId: 'C', replicationId: 'c' }), 0, 1)
  history.endBeginning()
  const taken = info({ runId: 'B', replicationId: 'b', previousReplicationId: 'a' })
  t.strictSame(history.meet('b', taken, 500, 501), { kind: 'promoted', server: 'B', previous: 'A' })
  t.equal(history.meet('c', info({ runId: 'C', replicationId: 'c' }), 600, 601), undefined)
  const back = info({ runId: 'A2', replicationId: 'a2', previousReplicationId: 'b' })
  t.strictSame(history.meet('a', back, 700, 701), { kind: 'promoted', server: 'A2', previous: 'B' })
})

t.test('meet() in a cluster: a master that is restarted in its place is no replica that takes over', async t => {
  const history = new ServerHistory()
  history.meet('a', info(), 0, 1)
  history.endBeginning()
  const again = info({ runId: 'A2', replicationId: 'a2', previousReplicationId: 'a', uptimeSeconds: 1 })
  t.strictSame(history.meet('a', again, 500, 501), { kind: 'restarted', server: 'A2', previous: 'A' })
})

t.test('meet() in a cluster: masters are connected in the beginning, and of unknown data later', async t => {
  const history = new ServerHistory()
  history.endBeginning()
  t.strictSame(history.meet('a', info(), 0, 1), { kind: 'connected', server: 'A' }, 'nothing has begun')
  t.match(history.meet('b', info({ runId: 'B', replicationId: 'b' }), 0, 1), { kind: 'connected' })
  history.endBeginning()
  t.strictSame(history.meet('c', info({ runId: 'C', replicationId: 'c' }), 0, 1), { kind: 'restarted', server: 'C' })
})

function info(different: Partial<ServerInfo> = {}): ServerInfo {
  return {
    runId: 'A',
    isMaster: true,
    replicationId: 'a',
    previousReplicationId: undefined,
    uptimeSeconds: 1_000,
    ...different
  }
}
